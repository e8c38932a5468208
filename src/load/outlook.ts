/**
 * What a package's programs need and Porthole does not have. Loaded late, while the package is on its way.
 */
import { missingOf } from "../abi/missing.ts";
import { moduleImports } from "../webc/imports.ts";
import type { Package } from "../webc/index.ts";
import { type Outlook, outlook } from "../webc/outlook.ts";

/** `programOf` gives a command's module, or its bytes; undefined for one that is not here. */
export function outlookOf(
	{ commands }: Package,
	entrypoint: string | undefined,
	programOf: (command: string) => WebAssembly.Module | Uint8Array | undefined,
): Outlook {
	const names = commands.map(({ name }) => name);
	/** Many commands may be of one program. */
	const known = new Map<string, readonly string[] | undefined>();
	return outlook(names, entrypoint, (command) => {
		if (!known.has(command)) known.set(command, lacks(programOf(command)));
		return known.get(command);
	});
}

function lacks(program: WebAssembly.Module | Uint8Array | undefined): string[] | undefined {
	if (program instanceof WebAssembly.Module) {
		return missingOf(WebAssembly.Module.imports(program));
	}
	try {
		return program && missingOf(moduleImports(program));
	} catch {
		// What is no module is refused when it is run.
		return undefined;
	}
}
