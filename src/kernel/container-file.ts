/**
 * A file that is a package's container, as a program: its entrypoint. Loaded with the first that is executed.
 *
 * The package is read whole and belongs to no tree: its volumes are not mounted, its other commands are not found, and
 * an entrypoint that lies in a dependency is none.
 */
import { PortholeError } from "../abi/error.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { loadPackage } from "../load/load-package.ts";
import { resolveCommand, resolveEntrypoint } from "../webc/index.ts";
import type { Program } from "./packages.ts";

const nothing = () => undefined;

/** Errors: `"missing-command"` for a package without an entrypoint, and those of reading one. */
export async function programInContainer(
	path: string,
	bytes: Uint8Array,
	bridge: Bridge,
	warn: (message: string) => void,
): Promise<Program> {
	const { signal } = new AbortController();
	const source = { kind: "bytes", bytes, name: path } as const;
	// It is no load of the page's, so nothing is reported.
	const loaded = await loadPackage(source, { load: 0 }, bridge, signal, nothing, warn);
	await loaded.verified;
	const { pkg } = loaded;
	const name = resolveEntrypoint(pkg, nothing);
	if (name === undefined) throw new PortholeError("missing-command", `${path} has no entrypoint`);
	const { atom, atomName, info } = resolveCommand(pkg, name, nothing);
	return {
		name: info.execName ?? name,
		info,
		key: "",
		kept: false,
		isMetered: atom.interruptible === true,
		size: atom.length,
		bytes: () => loaded.read(atom),
		module: (how) => loaded.compile(atom, `the atom ${atomName} of ${path}`, how),
	};
}
