/**
 * Directories of the page, as they are lent to the worker.
 *
 * What is lent is not the directory but a list of its methods, each of which tells the others what it
 * has changed: two sandboxes, or two mounts of one, may have the same directory, and each caches what
 * it has seen. Others that are told of changes, in this page or elsewhere, the directory itself knows
 * (`watch`).
 */
import { PortholeError } from "../abi/error.ts";
import type { Far } from "../bridge/bridge.ts";
import type { Lent } from "../bridge/far.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import type { NameRules, Store, StoreChange, StoreExtra } from "../bridge/store.ts";
import {
	FileSystemAccessDirectory,
	IndexedDBDirectory,
	MemoryDirectory,
	OPFSDirectory,
} from "../mounts/directories.ts";
import { DISK_LARGEST, DISK_NAMES, PRIVATE_LARGEST, PRIVATE_NAMES } from "../mounts/names.ts";
import { MEMORY_LARGEST } from "../mounts/paths.ts";
import { Causes } from "./causes.ts";
import { guestPath, type Mounts, mountOf, storeMethods } from "./options.ts";
import type { WireMount } from "./protocol.ts";

export { Causes };

type Heard = (paths: readonly string[]) => void;
type Method = (...args: unknown[]) => Promise<unknown>;

const extraMethods = ["symlink", "link", "utimes", "apply", "sync", "preserve"] as const;
/** What changes nothing. */
const QUIET: readonly string[] = ["list", "read", "sync", "preserve"];

/** Directory → who has it mounted and wants to hear what others change in it. */
const mounted = new WeakMap<Store, Set<Heard>>();

/** A mount as the worker gets it. `changed` hears what others change in the store with a number,
 *  `causes` what it throws. */
export function wireMount(
	lent: Lent,
	written: string,
	mount: Mounts[string],
	workerUrl: ScriptAddress | undefined,
	changed: (store: number, paths: readonly string[]) => void,
	conflict: (path: string, kept: string) => void,
	damaged: (path: string, error: PortholeError) => void,
	causes: Causes,
): WireMount {
	const { directory, readOnly } = mountOf(written, mount);
	if ("workerUrl" in directory) directory.workerUrl ??= workerUrl;
	const hear: Heard = (paths) => changed(store.id, paths);
	const all = mounted.get(directory) ?? new Set();
	mounted.set(directory, all.add(hear));
	const path = guestPath(written);
	const at = path === "/" ? "" : path;
	const stop = directory.watch?.(
		hear,
		(file, kept) => {
			conflict(at + file, at + kept);
			hear([kept]);
		},
		(below, error) => {
			const known =
				error instanceof PortholeError ? error : new PortholeError("EIO", String(error));
			damaged(below === "/" ? path : at + below, known);
			hear([below]);
		},
	);
	const tell: Heard = (paths) => {
		for (const other of all) if (other !== hear) other(paths);
	};
	const methods = methodsOf(directory, tell, at, causes);
	// It has the methods of the directory.
	const store: Far<Store> = lent.lend(methods as object as Store, () => {
		all.delete(hear);
		stop?.();
	});
	const extras: StoreExtra[] = extraMethods.filter((name) => name in methods);
	const names = namesOf(directory);
	const largest = largestOf(directory);
	const elsewhere = changesUnheard(directory);
	return { path, written, store, extras, names, largest, elsewhere, readOnly };
}

/** The names that a directory can hold; those that are refused by all go without saying. */
function namesOf(directory: Store): NameRules | undefined {
	if (directory.names !== undefined) return directory.names;
	if (directory instanceof FileSystemAccessDirectory) return DISK_NAMES;
	return directory instanceof OPFSDirectory ? PRIVATE_NAMES : undefined;
}

/** Bytes of the largest file that a directory can hold. */
function largestOf(directory: Store): number | undefined {
	if (directory.largest !== undefined) return directory.largest;
	if (directory instanceof MemoryDirectory) return MEMORY_LARGEST;
	if (directory instanceof FileSystemAccessDirectory) return DISK_LARGEST;
	if (directory instanceof OPFSDirectory || directory instanceof IndexedDBDirectory) {
		return PRIVATE_LARGEST;
	}
	return undefined;
}

/** Whether others may change what is in a directory, and it hears of that late or never. */
function changesUnheard(directory: Store): boolean {
	if (directory.changes !== undefined) return directory.changes === "elsewhere";
	return directory instanceof FileSystemAccessDirectory && !("FileSystemObserver" in globalThis);
}

/** The methods of a store mounted at `at`, which tell what they have changed and what they throw. */
function methodsOf(
	directory: Store,
	tell: Heard,
	at: string,
	causes: Causes,
): Record<string, Method> {
	const methods: Record<string, Method> = {};
	for (const name of [...storeMethods, ...extraMethods]) {
		if (typeof directory[name] !== "function") continue;
		methods[name] = async (...args) => {
			// A list of changes, or a sync, is of the whole mount.
			const [below] = args;
			const path = (typeof below === "string" && below !== "/" ? at + below : at) || "/";
			const answer: unknown = await ask(directory, name, args).catch((thrown: unknown) => {
				causes.note(path, thrown);
				throw thrown;
			});
			causes.forget(path);
			const paths = QUIET.includes(name) ? [] : changedBy(name, args, answer);
			if (paths.length > 0) tell(paths);
			return answer;
		};
	}
	return methods;
}

/** Also where the method throws before there is a promise. */
async function ask(directory: Store, name: keyof Store, args: unknown[]): Promise<unknown> {
	// The worker asks with the arguments of Store.
	return (directory[name] as Method).apply(directory, args);
}

/** The paths that a call has changed. */
function changedBy(name: string, args: readonly unknown[], answer: unknown): string[] {
	if (name !== "apply") {
		const two = name === "rename" || name === "link";
		return args.slice(0, two ? 2 : 1) as string[];
	}
	const failed: readonly unknown[] = Array.isArray(answer) ? answer : [];
	// Null, or which file has been made.
	const made = (args[0] as readonly StoreChange[]).filter((_, i) => typeof failed[i] === "object");
	return [
		...new Set(made.flatMap((change) => ("to" in change ? [change.path, change.to] : change.path))),
	];
}
