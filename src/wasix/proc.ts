/**
 * Calls on processes: numbers, fork, exec, spawn, join and the end.
 *
 * Source: wasix-runner.md 0.1, 3.7, 6.3; waitpid(2), execve(2), posix_spawn(3).
 */
import {
	type Done,
	ECHILD,
	EFAULT,
	EINVAL,
	EIO,
	ENDED,
	ENOENT,
	ENOSYS,
	ENOTSUP,
	type Errno,
	ESRCH,
	PENDING,
} from "../abi/errno.ts";
import type { OpenTicket } from "../bridge/bridge.ts";
import type { Namespace } from "../fs/namespace.ts";
import { changeDirectory } from "./descriptor.ts";
import { actions } from "./file-actions.ts";
import type { FoundProgram } from "./kernel.ts";
import { SIGCHLD, type Successor, type WasixProcess } from "./process.ts";
import { promote, retire, standIn } from "./stand-in.ts";
import { closeEnds, standardStreams } from "./standard-streams.ts";
import { absolutePath, arrayAt, listAt, textAt, textOf } from "./text.ts";
import type { WasixThread } from "./thread.ts";

const NON_BLOCKING = 1;
const SEARCH = "/usr/local/bin:/bin:/usr/bin";
/** Milliseconds that a program's second look for children takes, which would look for ever. */
const SECOND_LOOK = 20;
/** Exit codes of a shell for what cannot be run, and for what is not there. */
const CANNOT_RUN = 126;
const NOT_THERE = 127;
/** Tags of a status. */
const NOTHING_YET = 0;
const EXITED = 1;
const SIGNALLED = 2;
const MOST_DISPOSITIONS = 128;
/** process_handles: a number, and for each stream a tag and a descriptor. */
const HANDLES_SIZE = 28;

type Items = readonly Uint8Array[];

/** What a program is to be started with. */
interface Wanted {
	readonly name: string;
	readonly args: Items;
	/** Null for those of the caller. */
	readonly env: Items | null;
	readonly search: boolean;
	readonly path: string | null;
}

/** Where a call's name, arguments and variables are, each with its size or its count. */
type ProgramWords = readonly [
	name: number,
	nameSize: number,
	args: number,
	argCount: number,
	env: number,
	envCount: number,
];

/** The variables of a package and of the caller, whose value counts where both have one of a name. */
function merged(of: Items, own: Items): Items {
	const names = new Set(own.map(nameOf));
	return [...of.filter((item) => !names.has(nameOf(item))), ...own];
}

function nameOf(item: Uint8Array): string {
	return textOf(item).split("=", 1)[0] ?? "";
}

export function procCalls(thread: WasixThread) {
	const { memory, owner, bridge } = thread;
	const { tree } = owner;

	/** The program of a name. PENDING until it is found, read and compiled. */
	function lookUp({ name, search, path }: Wanted): FoundProgram | Errno {
		let ticket = thread.kept as OpenTicket<FoundProgram | Errno> | undefined;
		if (ticket === undefined) {
			const bare = search && !name.includes("/");
			const folders = bare ? (path ?? SEARCH).split(":") : [""];
			const paths = folders.map((folder) =>
				absolutePath(owner.cwd, folder ? `${folder}/${name}` : name),
			);
			const asked = bridge.ticket<FoundProgram | Errno>();
			first(paths).then(
				(found) => asked.answer(found),
				() => asked.answer(EIO),
			);
			ticket = asked;
			thread.kept = ticket;
		}
		if (!ticket.done) {
			thread.restarts = true;
			return bridge.pending(ticket);
		}
		thread.restarts = false;
		thread.kept = undefined;
		return ticket.value ?? ENOENT;
	}

	/** The first of these that is there. */
	async function first(paths: readonly string[]): Promise<FoundProgram | Errno> {
		for (const path of paths) {
			const found = await tree.kernel.find(path, owner.process.tree as Namespace);
			if (found !== ENOENT) return found;
		}
		return ENOENT;
	}

	function exec(wanted: Wanted): Done {
		const found = lookUp(wanted);
		if (typeof found === "number") return found;
		const successor = successorOf(found, wanted);
		if (owner.standIn !== null) return promote(owner, owner.standIn, successor);
		owner.successor = successor;
		return ENDED;
	}

	/** The end of the process, or of the child that runs in its place. */
	function end(code: number): Errno | 0 {
		if (owner.standIn === null) return owner.process.end({ code });
		retire(owner, owner.standIn, { code });
		return 0;
	}

	/** For calls that cannot tell of a failure. */
	function execOrEnd(wanted: Wanted | Errno): Done {
		const answer = typeof wanted === "number" ? wanted : exec(wanted);
		if (answer === PENDING || answer === ENDED || answer === 0) return answer;
		return end(answer === ENOENT ? NOT_THERE : CANNOT_RUN);
	}

	function wantedBy(
		[name, nameSize]: readonly [number, number],
		args: Items | Errno,
		env: Items | Errno | null,
		search = 0,
		[path, pathSize]: readonly [number, number] = [0, 0],
	): Wanted | Errno {
		const text = textAt(memory, name, nameSize);
		if (typeof text === "number") return text;
		if (typeof args === "number") return args;
		if (typeof env === "number") return env;
		const folders = path === 0 ? null : textAt(memory, path, pathSize);
		if (typeof folders === "number") return folders;
		return { name: text, args, env, search: search !== 0, path: folders };
	}

	const list = (at: number, size: number) => listAt(memory, at, size);
	const array = (at: number, count: number) => arrayAt(memory, at, count);

	/** What a call wants whose lists are as `items` reads them: in one string, or as an array. */
	function wantedIn(
		items: typeof list,
		[name, nameSize, args, argCount, env, envCount]: ProgramWords,
		search: number,
		path: readonly [number, number],
	): Wanted | Errno {
		const own = env === 0 ? null : items(env, envCount);
		return wantedBy([name, nameSize], items(args, argCount), own, search, path);
	}

	function execWith(items: typeof list) {
		return (
			name: number,
			nameSize: number,
			args: number,
			argCount: number,
			env: number,
			envCount: number,
			search: number,
			path: number,
			pathSize: number,
		): Done => {
			const words = [name, nameSize, args, argCount, env, envCount] as const;
			const wanted = wantedIn(items, words, search, [path, pathSize]);
			return typeof wanted === "number" ? wanted : exec(wanted);
		};
	}

	function spawnWith(items: typeof list) {
		return (
			name: number,
			nameSize: number,
			args: number,
			argCount: number,
			env: number,
			envCount: number,
			operations: number,
			operationCount: number,
			dispositions: number,
			dispositionCount: number,
			search: number,
			path: number,
			pathSize: number,
			result: number,
		): Done => {
			const words = [name, nameSize, args, argCount, env, envCount] as const;
			const wanted = wantedIn(items, words, search, [path, pathSize]);
			const changes = [operations, operationCount] as const;
			return spawn(wanted, changes, [dispositions, dispositionCount], result);
		};
	}

	function spawn(
		wanted: Wanted | Errno,
		operations: readonly [at: number, count: number],
		dispositions: readonly [at: number, count: number],
		result: number,
	): Done {
		const [signals, count] = [dispositions[0] >>> 0, dispositions[1] >>> 0];
		if (count > MOST_DISPOSITIONS) return EINVAL;
		if (!memory.has(result >>> 0, 4) || !memory.has(signals, count * 2)) return EFAULT;
		const pid = start(wanted, (child) => {
			for (let i = 0; i < count; i++) {
				const number = memory.u8[signals + 2 * i] as number;
				child.ignore(number, memory.u8[signals + 2 * i + 1] === 1);
			}
			return actions(thread, child, operations[0] >>> 0, operations[1] >>> 0);
		});
		if (pid < 0) return pid as Errno;
		memory.setU32(result >>> 0, pid);
		return 0;
	}

	/** Starts a child, which `prepare` gives what it is to have. Its number. PENDING until its program is found. */
	function start(wanted: Wanted | Errno, prepare: (child: WasixProcess) => Done): number {
		if (typeof wanted === "number") return wanted;
		const found = lookUp(wanted);
		if (typeof found === "number") return found;
		return tree.spawn(owner, successorOf(found, wanted), (child) => {
			child.inheritIgnored(owner);
			return prepare(child);
		});
	}

	function successorOf(found: FoundProgram, wanted: Wanted): Successor {
		return {
			image: found.image,
			args: found.arguments(wanted.args),
			env: merged(found.env, wanted.env ?? owner.process.env),
		};
	}

	/** The child that has ended, PENDING, or ECHILD; null where none has and the call is not to wait. */
	function ended(pid: number | null, waits: boolean): WasixProcess | Errno | null {
		const child = pid === null ? undefined : tree.get(pid);
		if (pid !== null && (child === undefined || child.parent !== owner)) return ECHILD;
		const all = child ? [child] : [...owner.children];
		if (all.length === 0) return ECHILD;
		const over = all.find(({ status }) => status !== null);
		if (over !== undefined) return over;
		return waits ? bridge.pending(owner.childEnded) : null;
	}

	/** An older C library waits for children by looking once and then for SIGCHLD, without making a call. So the look
	 *  itself delivers SIGCHLD, and the next one waits until a child ends, or a moment. */
	function lookAgain(): Done {
		if (!owner.looksAgain) {
			owner.looksAgain = true;
			owner.signal(SIGCHLD);
			thread.kept = "looked";
			thread.restarts = true;
			return bridge.pending(thread.signalled);
		}
		thread.kept ??= bridge.alarm(performance.now() + SECOND_LOOK);
		const alarm = thread.kept as OpenTicket<void>;
		if (!alarm.done) {
			bridge.pending(owner.childEnded);
			thread.restarts = true;
			return bridge.pending(alarm);
		}
		thread.kept = undefined;
		owner.looksAgain = false;
		return lookAgain();
	}

	function join(pid: number | null, flags: number): WasixProcess | Errno | null {
		if (thread.kept === "looked") {
			thread.kept = undefined;
			thread.restarts = false;
			return null;
		}
		const waits = (flags & NON_BLOCKING) === 0;
		const found = ended(pid, waits);
		if (found !== null) {
			if (found !== PENDING) {
				owner.looksAgain = false;
				thread.kept = undefined;
				thread.restarts = false;
			}
			return found;
		}
		if (pid === null && owner.hearsOfChildren && thread.handling === 0) {
			const done = lookAgain();
			if (done !== 0) return done;
		}
		return null;
	}

	function fork(result: number): Done {
		const answer = thread.stack.rewound();
		if (answer !== null) {
			if (answer < 0) return answer as Errno;
			memory.setU32(result >>> 0, answer);
			return 0;
		}
		if (!memory.has(result >>> 0, 4)) return EFAULT;
		if (!thread.stack.canUnwind) {
			tree.kernel.warn(
				`${owner.image.name} cannot fork, for it was not compiled with asyncify: build it with \`wasm-opt --asyncify\`, ` +
					"or have it spawn",
			);
			return ENOSYS;
		}
		return thread.unwind(() => tree.fork(thread) as Done);
	}

	return {
		proc_id(result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			memory.setU32(result >>> 0, (owner.standIn ?? owner).pid);
			return 0;
		},

		proc_parent(pid: number, result: number): Done {
			const process = tree.get(pid >>> 0);
			if (process === undefined) return ESRCH;
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			memory.setU32(result >>> 0, process.parent?.pid ?? 0);
			return 0;
		},

		/** A vfork is a fork: the child has a copy of the memory, and both run. */
		proc_fork: (_copy: number, result: number): Done => fork(result),

		/** Answers with the number of the child, and goes on as the child. */
		proc_fork_env(result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			const pid = standIn(owner);
			if (pid < 0) return pid as Errno;
			memory.setU32(result >>> 0, pid);
			return 0;
		},

		proc_exit: (code: number) => thread.process.end({ code: code >>> 0 }),

		/** Returns where a child runs in the place of the process: as the process again. */
		proc_exit2: (code: number): Done => end(code >>> 0),

		proc_exec: (name: number, nameSize: number, args: number, argsSize: number): Done =>
			execOrEnd(wantedBy([name, nameSize], list(args, argsSize), null)),

		proc_exec2(
			name: number,
			nameSize: number,
			args: number,
			argsSize: number,
			env: number,
			envSize: number,
		): Done {
			const words = [name, nameSize, args, argsSize, env, envSize] as const;
			return execOrEnd(wantedIn(list, words, 0, [0, 0]));
		},

		proc_exec3: execWith(list),

		proc_exec4: execWith(array),

		/** The first form: streams by mode, and a directory. Errors: ENOTSUP for another root, and for preopens. */
		proc_spawn(
			name: number,
			nameSize: number,
			chroot: number,
			args: number,
			argsSize: number,
			_preopen: number,
			preopenSize: number,
			stdin: number,
			stdout: number,
			stderr: number,
			directory: number,
			directorySize: number,
			handles: number,
		): Done {
			const at = handles >>> 0;
			if (!memory.has(at, HANDLES_SIZE)) return EFAULT;
			if (chroot !== 0 || preopenSize !== 0) return ENOTSUP;
			const cwd = textAt(memory, directory, directorySize);
			if (typeof cwd === "number") return cwd;
			const wanted = wantedBy([name, nameSize], list(args, argsSize), null);
			const ends: number[] = [];
			const pid = start(wanted, (child) => {
				const done = cwd === "" ? 0 : changeDirectory(child, cwd);
				return done === 0 ? standardStreams(owner, child, [stdin, stdout, stderr], ends) : done;
			});
			if (pid < 0) {
				closeEnds(owner, ends);
				return pid as Errno;
			}
			memory.u8.fill(0, at, at + HANDLES_SIZE);
			memory.setU32(at, pid);
			for (const [fd, end] of ends.entries()) {
				if (end < 0) continue;
				memory.u8[at + 4 + 8 * fd] = 1;
				memory.setU32(at + 8 + 8 * fd, end);
			}
			return 0;
		},

		proc_spawn2: spawnWith(list),

		proc_spawn3: spawnWith(array),

		proc_join(wanted: number, flags: number, status: number): Done {
			const [at, to] = [wanted >>> 0, status >>> 0];
			if (!memory.has(at, 8) || !memory.has(to, 6)) return EFAULT;
			const pid = memory.u8[at] === 0 ? null : memory.u32(at + 4);
			const found = join(pid, flags);
			if (typeof found === "number") return found as Errno;
			memory.u8.fill(0, to, to + 6);
			memory.u8[at] = 1;
			memory.setU32(at + 4, found?.pid ?? 0);
			if (found === null) {
				memory.u8[to] = NOTHING_YET;
				return 0;
			}
			const { code, signal } = found.status ?? { code: 0 };
			memory.u8[to] = signal === undefined ? EXITED : SIGNALLED;
			memory.setU16(to + 2, signal === undefined ? code : code - 128);
			if (signal !== undefined) memory.u8[to + 4] = code - 128;
			found.reap();
			return 0;
		},

		/** Of older programs: the number alone, and an exit code. */
		proc_join_old(wanted: number, status: number): Done {
			const [at, to] = [wanted >>> 0, status >>> 0];
			if (!memory.has(at, 4) || !memory.has(to, 4)) return EFAULT;
			const pid = memory.u32(at);
			const found = join(pid === 0 || pid === 0xffffffff ? null : pid, 0);
			if (typeof found === "number") return found as Errno;
			memory.setU32(at, found?.pid ?? 0);
			memory.setU32(to, found?.status?.code ?? 0);
			found?.reap();
			return 0;
		},
	};
}
