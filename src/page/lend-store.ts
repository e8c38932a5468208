/**
 * Directories of the page, as the worker can call them.
 *
 * The worker never gets the directory itself. It gets an object with the few methods that a write queue
 * needs (batch-runner.ts): reads, and batches of changes. Two sandboxes, or two mounts of one sandbox, may
 * share a directory, and each caches what it has seen; so every method that changes something notifies the
 * other mounts of the directory. Changes that are made outside of Porthole, or in another tab, arrive
 * through the directory's `watch`.
 */
import { PortholeError } from "../abi/error.ts";
import { fromWire, type RemoteObjects, toWire } from "../bridge/far.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import { DISK_LARGEST, DISK_NAMES, OPFS_LARGEST, OPFS_NAMES } from "../handles/names.ts";
import {
	FileSystemAccessDirectory,
	IndexedDBDirectory,
	MemoryDirectory,
	OPFSDirectory,
} from "../mounts/directories.ts";
import type { WireMount } from "../protocol/sandbox.ts";
import { applyInTurn } from "../store/apply.ts";
import { MEMORY_LARGEST } from "../store/paths.ts";
import type { LinkingStore, NameRules, Store, StoreChange, StoreExtra } from "../store/store.ts";
import { BatchRunner, type BatchTarget } from "./batch-runner.ts";
import { guestPath, type Mounts, mountOf, storeMethods } from "./options.ts";
import { StoreErrors } from "./store-errors.ts";
import type { WorkerLife } from "./worker-life.ts";

type ChangeListener = (paths: readonly string[]) => void;
type Method = (...args: unknown[]) => Promise<unknown>;

const extraMethods = ["symlink", "link", "utimes", "apply", "sync", "preserve"] as const;
/** Methods that change nothing. */
const READ_ONLY: readonly string[] = ["list", "read", "sync", "preserve"];

/** The longest that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** Directory → a listener for each of its mounts, called when another mount changes it. */
const mounted = new WeakMap<Store, Set<ChangeListener>>();

/** What a sandbox offers to all of its mounts. */
export interface MountServices {
	readonly remoteObjects: RemoteObjects;
	readonly workerUrl: ScriptAddress | undefined;
	/** What a directory has thrown. */
	readonly storeErrors: StoreErrors;
	/** Others have changed what is at these paths of a store, given by its number. */
	changed(store: number, paths: readonly string[]): void;
	conflict(path: string, kept: string): void;
	/** Something of a mount works no more. */
	damaged(path: string, error: PortholeError): void;
}

/** The services of a sandbox. */
export function mountServices(
	life: WorkerLife,
	workerUrl: ScriptAddress | undefined,
): MountServices {
	return {
		remoteObjects: life.remoteObjects,
		workerUrl,
		storeErrors: new StoreErrors(),
		changed: (store, paths) => {
			life.call("changed", store, paths).catch(() => {});
		},
		conflict: (path, kept) => life.emit({ type: "conflict", detail: { path, kept } }),
		damaged: (path, error) => life.emit({ type: "mounterror", detail: { path, error } }),
	};
}

/** Mounts as the worker gets them. Where one fails, all are released. Errors: `"invalid-option"`, and what a store's
 *  `watch` has thrown. */
export function wireMounts(mounts: Mounts, services: MountServices): WireMount[] {
	const wired: WireMount[] = [];
	try {
		for (const [written, mount] of Object.entries(mounts)) {
			wired.push(wireMount(written, mount, services));
		}
	} catch (error) {
		for (const { store } of wired) services.remoteObjects.release(store);
		throw error;
	}
	return wired;
}

function wireMount(written: string, mount: Mounts[string], services: MountServices): WireMount {
	const { directory, readOnly, timeout: given } = mountOf(written, mount);
	const path = guestPath(written);
	const timeout = timeoutIn(given, path);
	if (directory instanceof OPFSDirectory) directory.workerUrl ??= services.workerUrl;
	const names = namesOf(directory, path);
	const largest = largestOf(directory, path);
	const unwatched = isUnwatched(directory, path);
	const all = mounted.get(directory) ?? new Set();
	let stop = () => {};
	const onChange: ChangeListener = (paths) => services.changed(store.id, pathsOf(paths));
	const notifyOthers: ChangeListener = (paths) => {
		for (const other of all) if (other !== onChange) other(paths);
	};
	const methods = methodsOf(directory, notifyOthers, path, services.storeErrors, () =>
		runner.noteProgress(),
	);
	const runner: BatchRunner = runnerOf(methods, path, onChange, services);
	const back = () => {
		all.delete(onChange);
		stop();
	};
	// It has what a queue asks of a directory.
	const store = services.remoteObjects.lend(
		remoteMethods(methods, runner) as object as Store,
		back,
		runner,
	);
	mounted.set(directory, all.add(onChange));
	try {
		// A store may call back while `watch` still runs.
		stop = startWatching(directory, path, onChange, services);
	} catch (error) {
		services.remoteObjects.release(store);
		throw error;
	}
	const extras: StoreExtra[] = extraMethods.filter((name) => name in methods);
	return { path, written, store, extras, names, largest, unwatched, readOnly, timeout };
}

/** Calls the directory's `watch`, and returns a function that ends it and never throws. Errors: what
 *  `watch` throws, with its code, as a PortholeError that names the mount. */
function startWatching(
	directory: Store,
	path: string,
	onChange: ChangeListener,
	services: MountServices,
): () => void {
	const at = path === "/" ? "" : path;
	const failed = (thrown: unknown) => {
		const { code, message } = toWire(thrown);
		const why = `changes by others go unnoticed, because the directory's \`watch\` failed: ${message}`;
		return new PortholeError(code, `${code}: watch ${path} (${why})`, { cause: thrown });
	};
	let stop: unknown;
	try {
		stop =
			propertyOf(directory, "watch", path) &&
			directory.watch?.(
				onChange,
				(file: unknown, kept: unknown) => {
					if (typeof file !== "string" || typeof kept !== "string") return onChange(["/"]);
					services.conflict(at + file, at + kept);
					onChange([kept]);
				},
				(below: unknown, error: unknown) => {
					const file = typeof below === "string" ? below : "/";
					services.damaged(file === "/" ? path : at + file, fromWire(toWire(error)));
					onChange([file]);
				},
			);
	} catch (thrown) {
		throw failed(thrown);
	}
	// `watch` of a Store is synchronous; an asynchronous one is accepted all the same.
	const stopped = Promise.resolve(stop);
	stopped.catch((thrown: unknown) => services.damaged(path, failed(thrown)));
	return () => {
		stopped.then((how) => typeof how === "function" && how()).catch(() => {});
	};
}

/** The paths that a store reported; the whole mount where the report makes no sense. */
function pathsOf(paths: unknown): readonly string[] {
	const fine = Array.isArray(paths) && paths.every((path) => typeof path === "string");
	return fine ? paths : ["/"];
}

/** A property of a directory. Errors: `"invalid-option"` where its getter throws. */
function propertyOf<K extends keyof Store>(directory: Store, name: K, path: string): Store[K] {
	try {
		return directory[name];
	} catch (cause) {
		throw invalid(
			path,
			`throws when its \`${name}\` is asked for: ${toWire(cause).message}`,
			cause,
		);
	}
}

function invalid(path: string, why: string, cause?: unknown): PortholeError {
	return new PortholeError("invalid-option", `the directory mounted at ${path} ${why}`, { cause });
}

/** Errors: `"invalid-option"` for what is no time to wait. */
function timeoutIn(timeout: unknown, path: string): number | undefined {
	if (timeout === undefined) return undefined;
	if (typeof timeout === "number" && timeout > 0) return Math.min(timeout, LONGEST);
	throw invalid(path, "has a `timeout` that is not a number of milliseconds above 0");
}

/** The names that a directory can hold; those that are refused by all go without saying. Errors:
 *  `"invalid-option"` for what are no rules. */
function namesOf(directory: Store, path: string): NameRules | undefined {
	const rules: unknown = propertyOf(directory, "names", path);
	if (rules !== undefined) return rulesIn(rules, path);
	if (directory instanceof FileSystemAccessDirectory) return DISK_NAMES;
	return directory instanceof OPFSDirectory ? OPFS_NAMES : undefined;
}

function rulesIn(rules: unknown, path: string): NameRules {
	if (typeof rules !== "object" || rules === null) {
		throw invalid(path, "has `names` that are no object; they have `longest` and `refused`");
	}
	const { longest, refused }: { longest?: unknown; refused?: unknown } = rules;
	if (longest !== undefined && !(typeof longest === "number" && longest >= 1)) {
		throw invalid(path, "has `names` whose `longest` is not a number of bytes above 0");
	}
	if (refused !== undefined && !(refused instanceof RegExp)) {
		throw invalid(path, "has `names` whose `refused` is not a regular expression");
	}
	return { ...(longest !== undefined && { longest }), ...(refused && { refused }) };
}

/** Bytes of the largest file that a directory can hold. Errors: `"invalid-option"`. */
function largestOf(directory: Store, path: string): number | undefined {
	const largest: unknown = propertyOf(directory, "largest", path);
	if (typeof largest === "number" && largest >= 0) return largest;
	if (largest !== undefined) throw invalid(path, "has a `largest` that is not a number of bytes");
	if (directory instanceof MemoryDirectory) return MEMORY_LARGEST;
	if (directory instanceof FileSystemAccessDirectory) return DISK_LARGEST;
	if (directory instanceof OPFSDirectory || directory instanceof IndexedDBDirectory) {
		return OPFS_LARGEST;
	}
	return undefined;
}

/** Whether others may change the directory without a call of its `watch`, or with a late one. */
function isUnwatched(directory: Store, path: string): boolean {
	const changes = propertyOf(directory, "changes", path);
	if (changes !== undefined) return changes === "elsewhere";
	return directory instanceof FileSystemAccessDirectory && !("FileSystemObserver" in globalThis);
}

/** The methods of a store mounted at `mount`. Each notifies the other mounts of what it has changed, and
 *  notes what it throws. */
function methodsOf(
	directory: Store,
	notifyOthers: ChangeListener,
	mount: string,
	storeErrors: StoreErrors,
	answered: () => void,
): Record<string, Method> {
	const at = mount === "/" ? "" : mount;
	const methods: Record<string, Method> = {};
	for (const name of [...storeMethods, ...extraMethods]) {
		if (typeof propertyOf(directory, name, mount) !== "function") continue;
		methods[name] = async (...args) => {
			// A list of changes, or a sync, is of the whole mount.
			const [below] = args;
			const path = (typeof below === "string" && below !== "/" ? at + below : at) || "/";
			const answer: unknown = await callMethod(directory, name, args).catch((thrown: unknown) => {
				storeErrors.note(path, thrown);
				throw thrown;
			});
			storeErrors.forget(path);
			answered();
			const paths = READ_ONLY.includes(name) ? [] : changedBy(name, args, answer);
			if (paths.length > 0) notifyOthers(paths);
			return answer;
		};
	}
	return methods;
}

/** Runs the batches for a directory with these methods. */
function runnerOf(
	methods: Record<string, Method>,
	path: string,
	onChange: ChangeListener,
	services: MountServices,
): BatchRunner {
	const at = path === "/" ? "" : path;
	return new BatchRunner({
		apply: methods.apply ?? ((...of) => applyInTurn(methods as object as LinkingStore, ...of)),
		...(methods.preserve && { preserve: methods.preserve }),
		conflict: (file, kept) => {
			services.conflict(at + file, at + kept);
			onChange([kept]);
		},
	} as BatchTarget);
}

/** The methods that the worker may call: reads, and batches of changes. */
function remoteMethods(
	methods: Record<string, Method>,
	runner: BatchRunner,
): Record<string, Method> {
	const remote: Record<string, Method> = {
		land: (...args) => runner.land(...(args as Parameters<BatchRunner["land"]>)),
		moved: async () => runner.progress,
	};
	for (const name of ["list", "read", "sync"]) {
		const method = methods[name];
		if (method) remote[name] = (...args) => runner.run(() => method(...args));
	}
	return remote;
}

/** Also where the method throws before there is a promise. */
async function callMethod(directory: Store, name: keyof Store, args: unknown[]): Promise<unknown> {
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
