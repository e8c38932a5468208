/**
 * Which of the loaded packages a specifier means: `namespace/name@requirement`, or a URL.
 *
 * A file of its own, because it takes all of semver, and most packages depend on nothing.
 */
import type { Package } from "./package.ts";
import type { FindDependency } from "./resolve.ts";
import { compareVersions, satisfies } from "./semver.ts";

/** Takes the newest of `packages` that has the name and meets the requirement. */
export function findAmong(
	packages: Iterable<Package>,
	byUrl: ReadonlyMap<string, Package> = new Map(),
): FindDependency {
	return (specifier) => {
		const linked = byUrl.get(specifier);
		if (linked) return linked;
		const { name, requirement } = parseSpecifier(specifier);
		return [...packages]
			.filter((found) => isCalled(found, name) && satisfies(found.version, requirement))
			.reduce<Package | undefined>((best, next) => better(name, best, next), undefined);
	};
}

export function parseSpecifier(specifier: string): { name: string; requirement: string } {
	const at = specifier.indexOf("@", 1);
	if (at < 0) return { name: specifier, requirement: "" };
	return { name: specifier.slice(0, at), requirement: specifier.slice(at + 1) };
}

/** Where one of the two has no namespace, the rest of the name decides. */
function isCalled(found: Package, name: string): boolean {
	if (found.name === name) return true;
	if (found.name.includes("/") && name.includes("/")) return false;
	return withoutNamespace(found.name) === withoutNamespace(name);
}

function withoutNamespace(name: string): string {
	return name.slice(name.lastIndexOf("/") + 1);
}

/** A full name beats a bare one; then the newer version wins. */
function better(name: string, best: Package | undefined, next: Package): Package {
	if (!best) return next;
	const exact = Number(next.name === name) - Number(best.name === name);
	return exact > 0 || (exact === 0 && compareVersions(next.version, best.version) > 0)
		? next
		: best;
}
