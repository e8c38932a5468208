/**
 * The public API of Porthole.
 */
export { PortholeError } from "./abi/error.ts";
export type { ExportOptions } from "./archive/export.ts";
export type { ArchiveSource, Imported, ImportOptions } from "./archive/import.ts";
export type { ArchiveFormat } from "./archive/tree.ts";
export type { ScriptAddress, TrustedAddress } from "./bridge/make-worker.ts";
export type { IndexedDBOptions } from "./indexeddb/store.ts";
export {
	FileSystemAccessDirectory,
	type FolderOptions,
	HTTPDirectory,
	IndexedDBDirectory,
	MemoryDirectory,
	OPFSDirectory,
	type OPFSOptions,
	type PickOptions,
} from "./mounts/directories.ts";
export type { HTTPOptions } from "./mounts/http.ts";
export type { ChildProcess } from "./page/children.ts";
export type { Command, Output } from "./page/command.ts";
export type { SandboxConnection } from "./page/connect.ts";
export type {
	Capabilities,
	CommandContext,
	CommandOptions,
	Directory,
	LoadOptions,
	MountOptions,
	Mounts,
	NetworkProvider,
	Progress,
	SandboxOptions,
	Source,
} from "./page/options.ts";
export type { Package } from "./page/package.ts";
export type { Process } from "./page/process-handle.ts";
export { type Environment, type MountState, Sandbox } from "./page/sandbox.ts";
export type { Change, DirEntry, SandboxFS, Stats } from "./page/sandbox-fs.ts";
export type { ShellValue } from "./page/shell.ts";
export type { WatchOptions } from "./page/watch.ts";
export type { SandboxEventMap, SandboxEvents } from "./protocol/events.ts";
export type { ExitStatus } from "./protocol/sandbox.ts";
export type {
	FileId,
	Listing,
	Made,
	NameRules,
	Store,
	StoreChange,
	Times,
} from "./store/store.ts";
export type { AccessProfile } from "./webc/index.ts";
