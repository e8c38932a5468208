/**
 * What a place in a package is called, for people: the path of the file that lies there.
 */
import type { Package, Span, Volume } from "../webc/index.ts";

/** The guest's path of the file that holds a byte of the container, or what else is known of it. */
export function fileAt(pkg: Package, position: number): string {
	for (const { mountPath, tree } of pkg.volumes) {
		const path = pathAt(tree, position);
		if (path !== null) return `${mountPath === "/" ? "" : mountPath}/${path}`;
	}
	for (const [name, span] of pkg.atoms) if (holds(span, position)) return `the atom ${name}`;
	return `byte ${position}`;
}

function pathAt(tree: Volume, position: number): string | null {
	for (const [name, entry] of tree) {
		if (typeof entry === "string") continue;
		// Map is not known to narrow ReadonlyMap; what is neither text nor Map is a span.
		if (!(entry instanceof Map)) {
			if (holds(entry as Span, position)) return name;
			continue;
		}
		const path = pathAt(entry as Volume, position);
		if (path !== null) return `${name}/${path}`;
	}
	return null;
}

function holds({ start, length }: Span, position: number): boolean {
	return start <= position && position < start + length;
}
