/**
 * The rows of the bench: which program measures what, and what ours must reach.
 */
import type { Contestant, Job } from "./job.ts";

/** What a row promises. */
export type Target =
	/** Ours takes at most so many times what the other takes (or moves at least such a share). */
	| { readonly of: "floor" | "plain"; readonly factor: number }
	/** Ours is better than every peer. `noise` is how much worse still counts as equal. */
	| { readonly of: "peers"; readonly noise: number }
	/** At most so much, whatever the others take. */
	| { readonly of: "limit"; readonly value: number };

export interface Row {
	readonly name: string;
	/** The name of the line that the program prints, or what the host measures. */
	readonly value: string;
	readonly unit: "ns" | "µs" | "ms" | "GB/s" | "MB" | "B";
	readonly target: Target;
}

/** Rows that come from one program. */
export interface Group {
	readonly name: string;
	readonly job: Job;
	readonly rounds: number;
	/** Who takes part; all but `plain`, unless it says so. */
	readonly contestants?: readonly Contestant[];
	/** What the guest prints; the milliseconds or gigabytes per second that the page saw; how far the
	 *  page's process grew; by how much the worker's heap grew per call. */
	readonly measure: "guest" | "host" | "memory" | "garbage";
	readonly rows: readonly Row[];
}

const floor = (factor: number): Target => ({ of: "floor", factor });

function program(name: string, ...args: string[]): Job {
	return { program: `/${name}.wasm`, args, printed: "text", from: "compiled" };
}

const row = (name: string, value: string, unit: Row["unit"], target: Target): Row => ({
	name,
	value,
	unit,
	target,
});

export const groups: readonly Group[] = [
	{
		name: "calls",
		job: program("calls"),
		rounds: 5,
		measure: "guest",
		rows: [
			row("fd_fdstat_get", "fdstat", "ns", floor(1.5)),
			row("pwrite of 1 byte", "pwrite", "ns", floor(2)),
			row("pread of 1 byte", "pread", "ns", floor(2)),
			row("random_get of 16 bytes", "random", "ns", floor(2)),
		],
	},
	{
		name: "adapter",
		job: program("calls"),
		rounds: 5,
		contestants: ["plain", "ours"],
		measure: "guest",
		rows: [
			row("fd_fdstat_get, adapted and plain", "fdstat", "ns", { of: "plain", factor: 1.3 }),
			row("pread of 1 byte, adapted and plain", "pread", "ns", { of: "plain", factor: 1.3 }),
			row("random_get, adapted and plain", "random", "ns", { of: "plain", factor: 1.3 }),
			row("clock_time_get, adapted and plain", "clock", "ns", { of: "plain", factor: 1.3 }),
		],
	},
	{
		name: "garbage",
		job: program("calls"),
		rounds: 1,
		contestants: ["ours"],
		measure: "garbage",
		rows: ["pread", "pwrite", "read", "write", "seek", "clock", "random"].map((call) =>
			row(`garbage per ${call}`, call, "B", { of: "limit", value: 0.5 }),
		),
	},
	{
		name: "streaming",
		job: program("streaming", "256"),
		rounds: 5,
		measure: "guest",
		rows: [
			row("write 64 KiB chunks, 256 MiB", "write", "GB/s", floor(0.7)),
			row("read 64 KiB chunks, 256 MiB", "read", "GB/s", floor(0.7)),
		],
	},
	{
		name: "appending",
		job: program("appending"),
		rounds: 3,
		measure: "guest",
		rows: [row("append 100 B to a 64 MiB file", "append", "ns", floor(1.5))],
	},
	{
		name: "naming",
		job: program("naming", "20000"),
		rounds: 3,
		measure: "guest",
		rows: [
			row("create and write, 20,000 files", "create", "µs", floor(1.5)),
			row("stat", "stat", "µs", floor(1.5)),
			row("rename", "rename", "µs", floor(1.5)),
			row("unlink", "unlink", "µs", floor(1.5)),
		],
	},
	{
		name: "listing",
		job: program("listing", "10000"),
		rounds: 3,
		measure: "guest",
		rows: [row("readdir of 10,000 entries, per entry", "entry", "µs", floor(2))],
	},
	{
		name: "flooding",
		job: { ...program("flooding", "100"), printed: "carried" },
		rounds: 3,
		measure: "host",
		rows: [row("stdout, 100 MiB to the page", "rate", "GB/s", { of: "peers", noise: 1 })],
	},
	{
		name: "sqlite",
		job: {
			program: "/sqlite.webc",
			args: ["/inserts.db", ".read /script"],
			script: "inserts",
			printed: "text",
			from: "compiled",
		},
		rounds: 3,
		measure: "host",
		rows: [row("SQLite, 100,000 inserts in one transaction", "ms", "ms", floor(1.2))],
	},
	{
		name: "python",
		job: {
			program: "/python.webc",
			args: ["-c", "print(1)"],
			printed: "text",
			from: "bytes",
		},
		rounds: 5,
		measure: "host",
		rows: [
			row("python print(1), bytes in memory to exit", "ms", "ms", { of: "peers", noise: 1.1 }),
		],
	},
	{
		name: "memory",
		job: program("streaming", "256"),
		rounds: 1,
		measure: "memory",
		rows: [row("peak memory for a 256 MiB file", "peak", "MB", { of: "limit", value: 320 })],
	},
];
