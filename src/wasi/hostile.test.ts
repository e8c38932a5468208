/**
 * What a guest can do to us: hand over any number as any argument. No call may throw, write where it
 * was not told to, or answer anything but an errno.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errnoName } from "../abi/errno-names.ts";
import { runs } from "../abi/random.testkit.ts";
import { signatures } from "./table.ts";
import { forms, pointersOf, Session, transcript, type World } from "./transcript.testkit.ts";

const world: World = {
	files: { f: "abc", d: { g: "deep" } },
	env: [["A", "b"]],
};

/** For each call one that is right, and its answer. */
const right = `
	args_get                              = "program\\u0000"
	args_sizes_get                        = 1 8
	environ_get                           = "A=b\\u0000"
	environ_sizes_get                     = 1 4
	clock_res_get realtime                = 5000
	clock_time_get realtime               = 1700000001000000000
	fd_fdstat_get 0                       = device flags=0 rights=820000a/0
	fd_filestat_get 5                     = file 3 x1
	fd_pread 5 2 @1                       = "bc"
	fd_prestat_get 3                      = 0 1
	fd_prestat_dir_name 3 1               = "/"
	fd_pwrite 5 "x" @0                    = 1
	fd_read 5 2                           = "xb"
	fd_readdir 3 99 2                     = 3:f 4:d/ 5:s@ (75)
	fd_seek 5 0 set                       = 0
	fd_tell 5                             = 0
	fd_write 5 "y"                        = 1
	path_create_directory 3 "new"         = ok
	path_filestat_get 3 0 "f"             = file 3 x1
	path_filestat_set_times 3 0 "f" 0 0 0 = ok
	path_link 3 0 "f" 3 "l"               = ok
	path_open 3 0 "f" creat               = 6
	path_readlink 3 "s" 9                 = "f"
	path_remove_directory 3 "new"         = ok
	path_rename 3 "f" 3 "h"               = ok
	path_symlink "x" 3 "y"                = ok
	path_unlink_file 3 "h"                = ok
	poll_oneoff clock:0ms                 = 0:clock
	random_get 0                          = ""
`
	.trim()
	.split("\n")
	.map((line) => line.trim());

/** Calls with pointers that are not looked at, because there is nothing that could be asked. */
const UNUSED: ReadonlyMap<string, string> = new Map([
	["sock_accept", "there are no sockets"],
	["sock_recv", "there are no sockets"],
	["sock_send", "there are no sockets"],
]);

describe("a pointer that leads out of memory is EFAULT, and nothing has happened", () => {
	const session = transcript(
		`
		path_symlink "f" 3 "s" = ok
		path_open 3 0 "f"      = 4
		path_open 3 0 "f"      = 5
		`,
		world,
	);

	test("all calls with pointers are tried", () => {
		const tried = right.map((line) => line.split(" ")[0]);
		const all = [...forms].filter(([, kinds]) => pointersOf(kinds).length > 0);
		expect([...tried, ...UNUSED.keys()].sort()).toEqual(all.map(([name]) => name).sort());
	});

	// One after the other in one world: what a refused call had changed would show in the next.
	test.each(right)("%s", (line) => {
		const places = pointersOf(forms.get(line.split(" ")[0] ?? "") ?? []);
		for (const wild of [65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 4, 2 ** 32 - 1]) {
			for (const place of places) {
				// Nothing fits anywhere, so something is asked for.
				const { call, args } = session.prepare(line.replace("random_get 0", "random_get 8"));
				args[place] = wild;
				const before = session.bytes.slice();
				const errno = call(...args);
				expect(errnoName(-(errno ?? 0)), `${line}: ${place} is ${wild}`).toBe("EFAULT");
				expect(Buffer.compare(before, session.bytes)).toBe(0);
			}
		}
		transcript(line, session);
	});
});

test("a length that reaches out of memory is EFAULT or EINVAL", () => {
	const session = new Session(world);
	for (const [name, kinds] of forms) {
		if (UNUSED.has(name) || !kinds.some((kind) => "pwrbd".includes(kind[0] ?? ""))) continue;
		const line = right.find((one) => one.startsWith(`${name} `)) ?? "";
		for (const wild of [65536, 2 ** 31, 2 ** 32 - 1]) {
			const { call, args } = session.prepare(line.replace(" 5 ", " 3 "));
			const lengths = pointersOf(kinds).filter((place, index, all) => {
				const next = all[index + 1];
				return next === undefined ? place + 1 < args.length : next > place + 1;
			});
			for (const place of lengths) args[place + 1] = wild;
			expect(errnoName(-(call(...args) ?? 0)), name).toMatch(
				/^(EFAULT|EINVAL|EISDIR|EBADF|ENAMETOOLONG|E?SUCCESS)$/,
			);
		}
	}
});

/** Numbers as a guest at war would choose them. */
const i32 = fc.oneof(
	{ weight: 4, arbitrary: fc.integer({ min: 0, max: 8 }) },
	{ weight: 4, arbitrary: fc.integer({ min: 0, max: 1024 }) },
	{ weight: 2, arbitrary: fc.integer({ min: 65500, max: 65540 }) },
	{ weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
	{ weight: 1, arbitrary: fc.constantFrom(-1, 2 ** 31 - 1, -(2 ** 31), 65536, 0x10000000) },
);
const i64 = fc.oneof(
	{ weight: 3, arbitrary: i32.map(BigInt) },
	{ weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
	{ weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n) },
);

interface Step {
	readonly name: string;
	readonly args: (number | bigint)[];
}

/** Paths and vectors that are good, at a known place above the noise. */
const GOOD = 32768;
const PATHS = ["f", "d", "d/g", "a", "d/a", ".", "s", "f/", ".."];
const VECTORS = GOOD + 16 * PATHS.length;

function plant(bytes: Uint8Array): void {
	PATHS.forEach((path, index) => {
		bytes.set(new TextEncoder().encode(path), GOOD + 16 * index);
	});
	const view = new DataView(bytes.buffer);
	for (let i = 0; i < 4; i++) {
		view.setUint32(VECTORS + 8 * i, VECTORS + 64, true);
		view.setUint32(VECTORS + 8 * i + 4, 5 * i, true);
	}
}

const descriptor = fc.oneof(fc.nat(9), fc.constantFrom(3, 4));
const at = fc.integer({ min: 0, max: GOOD });
const path = fc
	.nat(PATHS.length - 1)
	.map((index) => [GOOD + 16 * index, PATHS[index]?.length ?? 0]);
const vectors = fc.nat(4).map((count) => [VECTORS, count]);
const room = fc.tuple(at, fc.nat(300)).map((pair) => [...pair]);

/** What is right for a parameter of each kind. */
const fitting: Readonly<Record<string, fc.Arbitrary<(number | bigint)[]>>> = {
	n: descriptor.map((n) => [n]),
	N: fc.oneof(i64, fc.constant(-1n)).map((n) => [n]),
	p: path,
	w: vectors,
	r: vectors,
	b: room,
	d: room,
	a: fc.constant([GOOD - 512, GOOD - 256]),
	e: fc.constant([GOOD - 512, GOOD - 256]),
	q: fc.tuple(at, at, fc.nat(3), at).map((all) => [...all]),
};

/** A call with arguments that fit, of which one in eight is replaced by any number. */
const step: fc.Arbitrary<Step> = fc
	// These two end the guest; they have tests of their own.
	.constantFrom(...signatures.filter(({ name }) => !/^proc_/.test(name)))
	.chain(({ name, params }) => {
		const kinds = (forms.get(name) ?? []).map((kind) => kind[0] ?? "");
		const right = kinds.map((kind) => fitting[kind] ?? at.map((n) => [n]));
		const wild = [...params].map((kind) => fc.tuple(fc.nat(7), kind === "I" ? i64 : i32));
		return fc.tuple(fc.tuple(...right), fc.tuple(...wild)).map(([good, bad]) => ({
			name,
			args: good.flat().map((fits, index) => {
				const [chance, instead] = bad[index] ?? [1, 0];
				return chance === 0 ? instead : fits;
			}),
		}));
	});

/** Bytes in which there are paths, small numbers for vectors and structs, and noise. */
const memory = fc.array(
	fc.oneof(
		fc.constantFrom("f", "d", "d/g", "a", "..", "/", "\0\0\0\0", "\x04\0\0\0", "\x80\0\0\0"),
		fc.uint8Array({ minLength: 1, maxLength: 8 }),
	),
	{ minLength: 20, maxLength: 120 },
);

function soak(bytes: Uint8Array, pieces: readonly (string | Uint8Array)[]): void {
	const noise = pieces.flatMap((piece) =>
		typeof piece === "string" ? [...piece].map((c) => c.charCodeAt(0)) : [...piece],
	);
	for (let at = 0; at < bytes.length; at += noise.length) {
		bytes.set(noise.slice(0, bytes.length - at), at);
	}
}

/** Makes a call; null when it ended the guest, which a call that waits for ever does. */
function attempt(session: Session, { name, args }: Step): number | null {
	try {
		const answer = session.calls[name]?.(...args);
		expect(answer, name).toBeTypeOf("number");
		return answer as number;
	} catch (error) {
		if (error instanceof Error && error.message === "a call waits for ever") return null;
		if (error instanceof WebAssembly.RuntimeError && session.thread.ended) return null;
		throw error;
	}
}

describe.each([
	["preview1", {}],
	["snapshot 0", { snapshot0: true }],
	["shared memory", { shared: true }],
])("random calls of %s", (_name, odd) => {
	test("never throw, and answer errnos", () => {
		fc.assert(
			fc.property(memory, fc.array(step, { minLength: 1, maxLength: 60 }), (noise, steps) => {
				const session = new Session({ ...world, ...odd, limit: 1 << 20 });
				session.input.end();
				soak(session.bytes, noise);
				plant(session.bytes);
				for (const one of steps) {
					const errno = attempt(session, one);
					if (errno === null) return;
					expect(Number.isInteger(errno) && errno >= 0 && errno <= 76, one.name).toBe(true);
				}
			}),
			runs(250),
		);
	});
});

test("random calls on a descriptor with any rights never do what the rights forbid", () => {
	const rights = fc.integer({ min: 0, max: 2 ** 30 - 1 });
	fc.assert(
		fc.property(rights, rights, rights, (base, asked, later) => {
			const session = new Session(world);
			const directory = session.thread.process.descriptors.get(3);
			if (directory === undefined) throw new Error("there is no directory");
			directory.inheriting = base;
			const opened = session.line(`path_open 3 0 "f" 0 ${asked} ${later}`);
			if (!opened.endsWith(" = 4")) return;
			const file = session.thread.process.descriptors.get(4);
			expect((file?.rights ?? -1) & ~(base & asked)).toBe(0);
			expect((file?.inheriting ?? -1) & ~(base & later)).toBe(0);
			const writes = session.line(`fd_write 4 "x"`).endsWith(" = 1");
			expect(writes).toBe((base & asked & 64) !== 0);
		}),
		runs(60),
	);
});
