/**
 * The list of preview1 calls, in the order of the specification, and the functions behind them.
 *
 * `params` has a letter for each parameter of the guest's import: `i` for i32, `I` for i64. The
 * functions take an i64 as two words, low first; the adapter between guest and function splits it.
 * Any of them may answer PENDING, and then the adapter waits and calls it again.
 */
import type { PlainCall, Signature } from "../bridge/adapter.ts";
import { argsCalls } from "./args.ts";
import { clockCalls } from "./clock.ts";
import { fdCalls } from "./fd.ts";
import type { Guest } from "./guest.ts";
import { pathCalls } from "./path.ts";
import { pollCalls } from "./poll.ts";
import { procCalls } from "./proc.ts";
import { randomCalls } from "./random.ts";
import { sockCalls } from "./sock.ts";

const rows = `
	args_get ii
	args_sizes_get ii
	environ_get ii
	environ_sizes_get ii
	clock_res_get ii
	clock_time_get iIi
	fd_advise iIIi
	fd_allocate iII
	fd_close i
	fd_datasync i
	fd_fdstat_get ii
	fd_fdstat_set_flags ii
	fd_fdstat_set_rights iII
	fd_filestat_get ii
	fd_filestat_set_size iI
	fd_filestat_set_times iIIi
	fd_pread iiiIi
	fd_prestat_get ii
	fd_prestat_dir_name iii
	fd_pwrite iiiIi
	fd_read iiii
	fd_readdir iiiIi
	fd_renumber ii
	fd_seek iIii
	fd_sync i
	fd_tell ii
	fd_write iiii
	path_create_directory iii
	path_filestat_get iiiii
	path_filestat_set_times iiiiIIi
	path_link iiiiiii
	path_open iiiiiIIii
	path_readlink iiiiii
	path_remove_directory iii
	path_rename iiiiii
	path_symlink iiiii
	path_unlink_file iii
	poll_oneoff iiii
	proc_exit i
	proc_raise i
	sched_yield
	random_get ii
	sock_accept iii
	sock_recv iiiiii
	sock_send iiiii
	sock_shutdown ii
`;

export const signatures: readonly Signature[] = rows
	.trim()
	.split("\n")
	.map((row) => {
		const [name = "", params = ""] = row.trim().split(" ");
		return { name, params, result: name === "proc_exit" ? "none" : "errno" };
	});

export type Calls = Readonly<Record<string, PlainCall>>;

/** The functions of `wasi_snapshot_preview1` for one guest, by name. */
export function preview1(guest: Guest): Calls {
	return {
		...argsCalls(guest),
		...clockCalls(guest),
		...fdCalls(guest),
		...pathCalls(guest),
		...pollCalls(guest),
		...procCalls(guest),
		...randomCalls(guest),
		...sockCalls(guest),
	};
}

type Linker = (guest: Guest) => Calls | Promise<Calls>;

/** An import module of the guest and what it holds. Both share one list of signatures. Few programs are
 *  so old that they want the second, and what is different there is loaded late. */
export const modules: ReadonlyMap<string, Linker> = new Map<string, Linker>([
	["wasi_snapshot_preview1", preview1],
	[
		"wasi_unstable",
		async (guest: Guest) => {
			const { snapshot0Calls } = await import("./snapshot0.ts");
			return { ...preview1(guest), ...snapshot0Calls(guest) };
		},
	],
]);
