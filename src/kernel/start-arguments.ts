/**
 * Options and a package's wishes to arguments, environment and directory, in Wasmer's order.
 * Source: wasix-runner.md sections 1.2, 3.1 to 3.3.
 */
import type { WireSpawn } from "../protocol/sandbox.ts";
import type { CommandInfo } from "../webc/index.ts";

/** argv: the program's name, the package's arguments, the caller's. */
export function argumentsOf(
	name: string,
	info: CommandInfo,
	args: readonly string[],
): readonly string[] {
	return [name, ...info.mainArgs, ...args];
}

/** Package, host, caller. A later one replaces the value of an earlier one of the same name. */
export function environmentOf(
	info: CommandInfo,
	request: Pick<WireSpawn, "hostEnv" | "env">,
): readonly (readonly [string, string])[] {
	return [...new Map([...info.env, ...request.hostEnv, ...request.env])];
}

/** The caller's choice, the package's, `/home` where something is mounted there, or `/`. */
export function directoryOf(
	info: CommandInfo,
	currentDir: string | undefined,
	mounts: readonly string[],
): string {
	const chosen = currentDir ?? info.cwd ?? (mounts.includes("/home") ? "/home" : "/");
	return chosen.startsWith("/") ? chosen : `/${chosen}`;
}
