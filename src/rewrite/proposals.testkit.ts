/**
 * A module for each proposal that the pass knows, in the shapes of the public test suite: a loop that cannot be left
 * out, around the proposal's instructions. `calls` are made before and after the pass and must answer alike.
 */
import {
	body,
	END,
	EXTERNREF,
	exported,
	F32,
	F64,
	FUNCREF,
	fn,
	I32,
	I64,
	leb,
	single,
	text,
	V128,
	wasm,
} from "./module.testkit.ts";
import type { RewriteOptions } from "./options.ts";

/** All that the pass can do, at once. */
export const EVERYTHING: RewriteOptions = {
	meter: "all",
	unshare: true,
	hookWaits: true,
	noteRefusals: true,
	exportHidden: true,
	maximumPages: 3,
};

export interface Sample {
	readonly name: string;
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly calls: readonly (readonly unknown[])[];
	readonly imports?: () => WebAssembly.Imports;
	/** How many loops get a check where counted ones are left out. */
	readonly metered: number;
}

/** Runs `inner` `local 0` times, but so that the loop is not counted: it steps by a local. */
const rounds = (inner: number[], one: number) => [
	...[0x41, 1, 0x21, one], // one = 1
	...[0x03, 0x40, ...inner],
	...[0x20, 0, 0x20, one, 0x6b, 0x22, 0, 0x0d, 0, END],
];
const page = [0, 1];

export const SAMPLES: readonly Sample[] = [
	{
		name: "numbers, blocks, br_table, return, select",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x20, 0, 0x41, 3, 0x71, 0x0e, 2, 0, 1, 2, END],
						...[0x20, 2, 0x41, 1, 0x6a, 0x21, 2, 0x0c, 1, END],
						...[0x20, 2, 0x41, 7, 0x6c, 0x21, 2, END],
						...[0x20, 0, 0x04, 0x40, 0x20, 2, 0x41, 3, 0x73, 0x21, 2, 0x05, 0x01, END],
						...[0x43, 0, 0, 0x80, 0x3f, 0x1a, 0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x1a],
						...[0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xa7, 0x1a],
					],
					1,
				),
				...[0x20, 2, 0x41, 5, 0x20, 0, 0x1b, 0x0f],
			],
			{ locals: [[2, I32]] },
		),
		calls: [
			["f", 1],
			["f", 100],
			["f", 1000],
		],
		metered: 1,
	},
	{
		name: "memory, globals, call_indirect, padded sizes, names between",
		bytes: wasm({
			types: [fn([I32], [I32])],
			functions: [0, 0],
			tables: [[FUNCREF, 0, 1]],
			memories: [page],
			globals: [[I32, 1, 0x41, 0, END]],
			exports: [exported("f"), exported("memory", 0, 2)],
			elements: [[0, 0x41, 0, END, 1, 1]],
			bodies: [
				body(
					[
						...rounds(
							[
								...[
									0x41, 8, 0x41, 8, 0x28, 2, 0x80, 0x80, 0x80, 0x80, 0, 0x20, 0, 0x6a, 0x36, 2, 0,
								],
								...[0x23, 0, 0x20, 0, 0x41, 0, 0x11, 0, 0x80, 0x80, 0x80, 0x80, 0, 0x6a, 0x24, 0],
								...[0x3f, 0, 0x1a, 0x41, 0, 0x40, 0, 0x1a],
							],
							1,
						),
						...[0x41, 8, 0x28, 2, 0, 0x23, 0, 0x6a],
					],
					[[1, I32]],
					5,
				),
				body([0x20, 0, 0x41, 3, 0x6c]),
			],
			data: [[0, 0x41, 8, END, 1, 9]],
			between: [0, 4, 3, 0x61, 0x62, 0x63],
		}),
		calls: [["f", 200]],
		metered: 1,
	},
	{
		name: "loops with parameters and results (multi-value)",
		bytes: wasm({
			types: [fn([I32], [I64]), fn([I64, I32], [I64, I32]), fn([I64], [I64])],
			functions: [0],
			exports: [exported("f")],
			bodies: [
				body([
					...[0x42, 1, 0x20, 0], // product, n
					...[0x03, 1, 0x22, 0, 0xad, 0x7e], // loop: product * n
					...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x20, 0, 0x20, 0, 0x6c, 0x0d, 0, END], // (n*n) != 0
					...[0x1a],
				]),
			],
		}),
		calls: [
			["f", 1],
			["f", 20],
		],
		metered: 1,
	},
	{
		name: "bulk memory, with a data count",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x41, 0, 0x41, 0, 0x41, 4, 0xfc, 8, 0, 0], // memory.init
						...[0x41, 16, 0x41, 0, 0x41, 4, 0xfc, 0x8a, 0, 0, 0], // memory.copy, padded
						...[0x41, 20, 0x41, 7, 0x41, 4, 0xfc, 11, 0], // memory.fill
						...[0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 12, 0, 0], // table.init
						...[0x41, 1, 0x41, 0, 0x41, 1, 0xfc, 14, 0, 0], // table.copy
					],
					1,
				),
				...[0xfc, 9, 0, 0xfc, 13, 0], // data.drop, elem.drop
				...[0x41, 16, 0x28, 2, 0, 0x41, 20, 0x28, 2, 0, 0x6a],
			],
			{
				locals: [[1, I32]],
				memories: [page],
				tables: [[FUNCREF, 0, 4]],
				elements: [[1, 0, 1, 0]],
				dataCount: 1,
				data: [[1, 4, 1, 2, 3, 4]],
			},
		),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "sign extension and saturating conversions",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x20, 0, 0xc0, 0x20, 0, 0xc1, 0x6a, 0x20, 2, 0x6a, 0x21, 2],
						...[0x42, 0x7f, 0xc4, 0xc3, 0xc2, 0xa7, 0x1a],
						...[
							0x43,
							0,
							0,
							0xc0,
							0x7f,
							0xfc,
							0,
							0x1a,
							0x44,
							...new Array(8).fill(0x7f),
							0xfc,
							7,
							0x1a,
						],
					],
					1,
				),
				...[0x20, 2],
			],
			{ locals: [[2, I32]] },
		),
		calls: [["f", 500]],
		metered: 1,
	},
	{
		name: "reference types",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0xd0, 0x6f, 0x41, 1, 0xfc, 15, 1, 0x1a], // table.grow
						...[0x41, 0, 0xd2, 0, 0x26, 0], // table.set
						...[0x41, 0, 0x25, 0, 0xd1, 0x1a], // table.get
						...[0xd0, 0x70, 0xd2, 0, 0x20, 0, 0x1c, 1, 0x70, 0x1a], // select
						...[0x41, 0, 0xd0, 0x6f, 0x41, 1, 0xfc, 17, 1], // table.fill
					],
					1,
				),
				...[0xfc, 16, 1], // table.size
			],
			{
				locals: [
					[1, I32],
					[1, EXTERNREF],
				],
				tables: [
					[FUNCREF, 0, 1],
					[EXTERNREF, 1, 1, 0x80, 8],
				],
				elements: [
					[3, 0, 1, 0],
					[5, FUNCREF, 1, 0xd2, 0, END],
					[6, 0, 0x41, 0, END, FUNCREF, 1, 0xd0, 0x70, END],
					[2, 0, 0x41, 0, END, 0, 1, 0],
				],
			},
		),
		calls: [["f", 90]],
		metered: 1,
	},
	{
		name: "vectors",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0xfd, 12, ...new Array(16).fill(3), 0x20, 0, 0xfd, 17, 0xfd, 0xae, 1], // add
						...[0x20, 2, 0xfd, 0xae, 0x81, 0, 0x22, 2], // add, padded
						...[0x20, 2, 0xfd, 13, ...new Array(16).keys(), 0x21, 2], // shuffle
						...[0x41, 0, 0x20, 2, 0xfd, 11, 4, 0], // store
						...[0x41, 0, 0x20, 2, 0xfd, 84, 0, 3, 5, 0x21, 2], // load lane
						...[0x41, 0, 0xfd, 92, 2, 0, 0x1a], // load zero
					],
					1,
				),
				...[0x20, 2, 0xfd, 27, 2],
			],
			{
				locals: [
					[1, I32],
					[1, V128],
				],
				memories: [page],
			},
		),
		calls: [["f", 300]],
		metered: 1,
	},
	{
		name: "atomics, and a wait for what has changed",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x41, 8, 0x20, 0, 0xfe, 0x1e, 2, 0, 0x1a, 0xfe, 3, 0], // rmw.add, fence
						...[0x41, 8, 0x41, 1, 0xfe, 0, 2, 0, 0x1a], // notify
					],
					1,
				),
				...[0x41, 8, 0xfe, 0x10, 2, 0],
			],
			{ locals: [[1, I32]], memories: [[3, 1, 2]] },
		),
		calls: [["f", 200]],
		metered: 1,
	},
	{
		name: "tail calls out of a loop",
		bytes: wasm({
			types: [fn([I32], [I32])],
			functions: [0, 0],
			tables: [[FUNCREF, 0, 1]],
			exports: [exported("f")],
			elements: [[0, 0x41, 0, END, 1, 0]],
			bodies: [
				body([
					0x03,
					0x40,
					0x20,
					0,
					0x04,
					0x40,
					0x20,
					0,
					0x41,
					1,
					0x6b,
					0x12,
					1,
					END,
					END,
					0x41,
					42,
				]),
				body([0x03, 0x40, 0x20, 0, 0x41, 0, 0x13, 0, 0, END, 0x00]),
			],
		}),
		calls: [["f", 10000]],
		metered: 2,
	},
	{
		name: "exceptions, the first proposal",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[
							0x06,
							0x40,
							0x06,
							0x40,
							0x20,
							0,
							0x08,
							0,
							0x07,
							0,
							0x20,
							2,
							0x6a,
							0x21,
							2,
							0x09,
							0,
							END,
						],
						...[0x19, 0x20, 2, 0x41, 1, 0x6a, 0x21, 2, END],
						...[0x06, 0x40, 0x06, 0x40, 0x20, 0, 0x08, 0, 0x18, 0, 0x19, END],
					],
					1,
				),
				...[0x20, 2],
			],
			{ locals: [[2, I32]], types: [fn([I32], [])], tags: [[0, 1]] },
		),
		calls: [["f", 150]],
		metered: 1,
	},
	{
		name: "exceptions, the second proposal",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x02, I32, 0x1f, 0x40, 1, 0, 0, 0, 0x20, 0, 0x08, 0, END, 0x00, END],
						...[0x20, 2, 0x6a, 0x21, 2],
						...[0x02, 0x69, 0x1f, 0x40, 2, 3, 0, 2, 1, 0x20, 0, 0x08, 0, END, 0x00, END, 0x1a],
					],
					1,
				),
				...[0x20, 2],
			],
			{ locals: [[2, I32]], types: [fn([I32], [])], tags: [[0, 1]] },
		),
		calls: [["f", 150]],
		metered: 1,
	},
	{
		name: "typed references",
		bytes: wasm({
			types: [fn([I32], [I32]), fn([I32], [])],
			functions: [0, 0],
			tables: [[0x40, 0, 0x64, 0, 0, 1, 0xd2, 1, END]],
			exports: [exported("f")],
			elements: [[3, 0, 1, 1]],
			bodies: [
				body(
					[
						...rounds(
							[
								...[0x20, 0, 0xd2, 1, 0xd4, 0x14, 0, 0x1a], // as_non_null, call_ref
								...[0x02, 0x40, 0xd0, 0, 0xd5, 0, 0x1a, END], // br_on_null
								...[0x02, 0x64, 0, 0xd2, 1, 0xd6, 0, 0x00, END, 0x1a], // br_on_non_null
							],
							1,
						),
						...[0x20, 0, 0xd2, 1, 0x15, 0], // return_call_ref
					],
					[
						[1, I32],
						[1, 0x63, 0],
					],
				),
				body([0x20, 0, 0x41, 3, 0x6a]),
			],
		}),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "memory of 64 bits",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						0x42,
						8,
						0x42,
						8,
						0x28,
						2,
						...leb(4),
						0x20,
						0,
						0x6a,
						0x36,
						2,
						0x84,
						0x80,
						0x80,
						0x80,
						0x80,
						0,
					],
					1,
				),
				...[0x42, 8, 0x28, 2, 4],
			],
			{ locals: [[1, I32]], memories: [[5, 1, 0x80, 0x80, 4]] },
		),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "several memories",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x41, 8, 0x41, 8, 0x28, 0x42, 1, 4, 0x20, 0, 0x6a, 0x36, 0x42, 1, 4],
						...[0x41, 0, 0x41, 8, 0x41, 8, 0xfc, 10, 0, 1],
					],
					1,
				),
				...[0x41, 8, 0x28, 0x42, 1, 4],
			],
			{ locals: [[1, I32]], memories: [page, page] },
		),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "extended constants",
		bytes: single([I32], [I32], [...rounds([], 1), 0x23, 0, 0x23, 2, 0x6a], {
			locals: [[1, I32]],
			globals: [
				[I32, 0, 0x41, 20, 0x41, 22, 0x6a, 0x41, 1, 0x6c, END],
				[I64, 0, 0x42, 20, 0x42, 22, 0x7d, END],
				[I32, 1, 0x41, 7, END],
				[F32, 0, 0x43, 0, 0, 0, 0, END],
				[F64, 0, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, END],
				[V128, 0, 0xfd, 12, ...new Array(16).fill(1), END],
				[FUNCREF, 0, 0xd2, 0, END],
			],
		}),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "relaxed vectors",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds([0x20, 2, 0x20, 2, 0x20, 2, 0xfd, 0x85, 2, 0x21, 2], 1),
				...[0x20, 2, 0xfd, 27, 0],
			],
			{
				locals: [
					[1, I32],
					[1, V128],
				],
			},
		),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "wide arithmetic",
		bytes: single(
			[I32],
			[I32],
			[
				...rounds(
					[
						...[0x42, 3, 0x20, 0, 0xad, 0xfc, 0x16, 0x1a, 0x1a], // mul_wide_u
						...[0x42, 1, 0x42, 2, 0x42, 3, 0x42, 4, 0xfc, 0x13, 0x1a, 0x1a], // add128
					],
					1,
				),
				...[0x20, 0],
			],
			{ locals: [[1, I32]] },
		),
		calls: [["f", 100]],
		metered: 1,
	},
	{
		name: "an import is called in a long loop",
		bytes: wasm({
			types: [fn([I32], [I32])],
			imports: [[...text("h"), ...text("g"), 0, 0]],
			functions: [0],
			exports: [exported("f", 1)],
			bodies: [
				body(
					[
						...rounds([0x20, 0, 0x10, 0, 0x20, 2, 0x6a, 0x21, 2, ...new Array(1100).fill(0x01)], 1),
						...[0x20, 2],
					],
					[[2, I32]],
				),
			],
		}),
		imports: () => ({ h: { g: (x: number) => x * 2 } }),
		calls: [["f", 300]],
		metered: 1,
	},
];
