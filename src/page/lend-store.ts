/**
 * Directories of the page, as they are lent to the worker.
 *
 * What is lent is not the directory but what a queue asks of one (landing.ts): questions, and batches of
 * changes, made by the directory's methods, each of which tells the others what it has changed: two sandboxes, or two mounts of one, may have the same directory, and each caches what
 * it has seen. Others that are told of changes, in this page or elsewhere, the directory itself knows
 * (`watch`).
 */
import { PortholeError } from "../abi/error.ts";
import { fromWire, type Lent, toWire } from "../bridge/far.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import { DISK_LARGEST, DISK_NAMES, PRIVATE_LARGEST, PRIVATE_NAMES } from "../handles/names.ts";
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
import { type Ground, Landing } from "./landing.ts";
import { guestPath, type Mounts, mountOf, storeMethods } from "./options.ts";
import { Causes } from "./store-errors.ts";

export { Causes };

type Heard = (paths: readonly string[]) => void;
type Method = (...args: unknown[]) => Promise<unknown>;

const extraMethods = ["symlink", "link", "utimes", "apply", "sync", "preserve"] as const;
/** What changes nothing. */
const QUIET: readonly string[] = ["list", "read", "sync", "preserve"];

/** The longest that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** Directory → who has it mounted and wants to hear what others change in it. */
const mounted = new WeakMap<Store, Set<Heard>>();

/** What all mounts of a sandbox share. */
export interface Lending {
	readonly lent: Lent;
	readonly workerUrl: ScriptAddress | undefined;
	/** What a directory has thrown. */
	readonly causes: Causes;
	/** Others have changed what is at these paths of a store, given by its number. */
	changed(store: number, paths: readonly string[]): void;
	conflict(path: string, kept: string): void;
	/** Something of a mount works no more. */
	damaged(path: string, error: PortholeError): void;
}

/** Mounts as the worker gets them: all, or none is lent. Errors: `"invalid-option"`, and what a store's
 *  `watch` has thrown. */
export function wireMounts(mounts: Mounts, lending: Lending): WireMount[] {
	const wired: WireMount[] = [];
	try {
		for (const [written, mount] of Object.entries(mounts)) {
			wired.push(wireMount(written, mount, lending));
		}
	} catch (error) {
		for (const { store } of wired) lending.lent.takeBack(store);
		throw error;
	}
	return wired;
}

function wireMount(written: string, mount: Mounts[string], lending: Lending): WireMount {
	const { directory, readOnly, timeout: given } = mountOf(written, mount);
	const path = guestPath(written);
	const timeout = timeoutIn(given, path);
	if (directory instanceof OPFSDirectory) directory.workerUrl ??= lending.workerUrl;
	const names = namesOf(directory, path);
	const largest = largestOf(directory, path);
	const elsewhere = changesUnheard(directory, path);
	const all = mounted.get(directory) ?? new Set();
	let stop = () => {};
	const hear: Heard = (paths) => lending.changed(store.id, pathsOf(paths));
	const tell: Heard = (paths) => {
		for (const other of all) if (other !== hear) other(paths);
	};
	const methods = methodsOf(directory, tell, path, lending.causes, () => landing.stirs());
	const landing: Landing = landingOf(methods, path, hear, lending);
	const back = () => {
		all.delete(hear);
		stop();
	};
	// It has what a queue asks of a directory.
	const store = lending.lent.lend(lentMethods(methods, landing) as object as Store, back, landing);
	mounted.set(directory, all.add(hear));
	try {
		// A store may tell of something while it is still being asked to.
		stop = watching(directory, path, hear, lending);
	} catch (error) {
		lending.lent.takeBack(store);
		throw error;
	}
	const extras: StoreExtra[] = extraMethods.filter((name) => name in methods);
	return { path, written, store, extras, names, largest, elsewhere, readOnly, timeout };
}

/** Has a directory tell of what others change, and returns how to stop, which never throws. Errors: what
 *  its `watch` throws, with its code, as a PortholeError that says where. */
function watching(directory: Store, path: string, hear: Heard, lending: Lending): () => void {
	const at = path === "/" ? "" : path;
	const failed = (thrown: unknown) => {
		const { code, message } = toWire(thrown);
		const why = `what others change is not heard, for its directory's \`watch\` has failed: ${message}`;
		return new PortholeError(code, `${code}: watch ${path} (${why})`, { cause: thrown });
	};
	let stop: unknown;
	try {
		stop =
			look(directory, "watch", path) &&
			directory.watch?.(
				hear,
				(file: unknown, kept: unknown) => {
					if (typeof file !== "string" || typeof kept !== "string") return hear(["/"]);
					lending.conflict(at + file, at + kept);
					hear([kept]);
				},
				(below: unknown, error: unknown) => {
					const file = typeof below === "string" ? below : "/";
					lending.damaged(file === "/" ? path : at + file, fromWire(toWire(error)));
					hear([file]);
				},
			);
	} catch (thrown) {
		throw failed(thrown);
	}
	// One that is asynchronous is no Store's, and plain enough to be understood.
	const stopped = Promise.resolve(stop);
	stopped.catch((thrown: unknown) => lending.damaged(path, failed(thrown)));
	return () => {
		stopped.then((how) => typeof how === "function" && how()).catch(() => {});
	};
}

/** Paths that a store tells of; anything, where they are none. */
function pathsOf(paths: unknown): readonly string[] {
	const fine = Array.isArray(paths) && paths.every((path) => typeof path === "string");
	return fine ? paths : ["/"];
}

/** What a directory has under a name. Errors: `"invalid-option"` where it does not let itself be asked. */
function look<K extends keyof Store>(directory: Store, name: K, path: string): Store[K] {
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
	const rules: unknown = look(directory, "names", path);
	if (rules !== undefined) return rulesIn(rules, path);
	if (directory instanceof FileSystemAccessDirectory) return DISK_NAMES;
	return directory instanceof OPFSDirectory ? PRIVATE_NAMES : undefined;
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
	const largest: unknown = look(directory, "largest", path);
	if (typeof largest === "number" && largest >= 0) return largest;
	if (largest !== undefined) throw invalid(path, "has a `largest` that is not a number of bytes");
	if (directory instanceof MemoryDirectory) return MEMORY_LARGEST;
	if (directory instanceof FileSystemAccessDirectory) return DISK_LARGEST;
	if (directory instanceof OPFSDirectory || directory instanceof IndexedDBDirectory) {
		return PRIVATE_LARGEST;
	}
	return undefined;
}

/** Whether others may change what is in a directory, and it hears of that late or never. */
function changesUnheard(directory: Store, path: string): boolean {
	const changes = look(directory, "changes", path);
	if (changes !== undefined) return changes === "elsewhere";
	return directory instanceof FileSystemAccessDirectory && !("FileSystemObserver" in globalThis);
}

/** The methods of a store mounted at `mount`, which tell what they have changed and what they throw. */
function methodsOf(
	directory: Store,
	tell: Heard,
	mount: string,
	causes: Causes,
	answered: () => void,
): Record<string, Method> {
	const at = mount === "/" ? "" : mount;
	const methods: Record<string, Method> = {};
	for (const name of [...storeMethods, ...extraMethods]) {
		if (typeof look(directory, name, mount) !== "function") continue;
		methods[name] = async (...args) => {
			// A list of changes, or a sync, is of the whole mount.
			const [below] = args;
			const path = (typeof below === "string" && below !== "/" ? at + below : at) || "/";
			const answer: unknown = await ask(directory, name, args).catch((thrown: unknown) => {
				causes.note(path, thrown);
				throw thrown;
			});
			causes.forget(path);
			answered();
			const paths = QUIET.includes(name) ? [] : changedBy(name, args, answer);
			if (paths.length > 0) tell(paths);
			return answer;
		};
	}
	return methods;
}

/** Where batches for a directory arrive, with these methods. */
function landingOf(
	methods: Record<string, Method>,
	path: string,
	hear: Heard,
	lending: Lending,
): Landing {
	const at = path === "/" ? "" : path;
	return new Landing({
		apply: methods.apply ?? ((...of) => applyInTurn(methods as object as LinkingStore, ...of)),
		...(methods.preserve && { preserve: methods.preserve }),
		conflict: (file, kept) => {
			lending.conflict(at + file, at + kept);
			hear([kept]);
		},
	} as Ground);
}

/** What is lent of a directory: questions, and batches. */
function lentMethods(methods: Record<string, Method>, landing: Landing): Record<string, Method> {
	const lent: Record<string, Method> = {
		land: (...args) => landing.land(...(args as Parameters<Landing["land"]>)),
		moved: async () => landing.progress,
	};
	for (const name of ["list", "read", "sync"]) {
		const method = methods[name];
		if (method) lent[name] = (...args) => landing.run(() => method(...args));
	}
	return lent;
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
