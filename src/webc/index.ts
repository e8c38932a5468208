/**
 * `porthole/webc`: the container format of Wasmer packages, read and written anywhere that has Web
 * Crypto and Web Streams: browsers, workers, Node, Deno, Bun.
 */
import { advice } from "./advice.ts";
import { useAdvice } from "./error.ts";

export {
	type DirectoryDefinition,
	type FileDefinition,
	type PackageDefinition,
	readDefinition,
} from "./definition.ts";
export { WebcError, type WebcErrorCode } from "./error.ts";
export { findAmong, parseSpecifier } from "./find-dependency.ts";
export {
	type PackageFiles,
	type PackedEntry,
	type PackOptions,
	packDirectory,
} from "./pack.ts";
export type { ByteSource, CommandInfo, MountedVolume, Package, Span, Volume } from "./package.ts";
export { type AccessProfile, readProfile } from "./profile.ts";
export { openPackage, type ReadOptions, readPackage } from "./read.ts";
export {
	type Dependencies,
	type FindDependency,
	type MissingDependency,
	type ResolvedCommand,
	type ResolvedMount,
	resolveCommand,
	resolveCommands,
	resolveDependencies,
	resolveEntrypoint,
	resolveMounts,
} from "./resolve.ts";
export { compareVersions, satisfies } from "./semver.ts";
export { blobSource, bytesSource } from "./source.ts";
export type { Caps } from "./tree.ts";
export { verifySpan } from "./verify.ts";
export { writePackage } from "./write.ts";

// Bundles that only take something from here leave this out (package.json: `sideEffects`); see error.ts.
useAdvice(advice);
