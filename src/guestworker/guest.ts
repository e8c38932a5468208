/**
 * A guest in a worker of its own: the worker's side.
 *
 * The thread is the guest's. Its calls run here, on its own memory and descriptors; what concerns the
 * tree goes to the kernel as a message, and what has to wait puts the whole thread to sleep.
 */
import { PortholeError } from "../abi/error.ts";
import { toWire } from "../bridge/far.ts";
import { worldClock } from "../process/clock.ts";
import { OpenFile } from "../process/descriptors.ts";
import { faultOf } from "../process/fault.ts";
import { type ExtraImports, prepare } from "../process/instantiate.ts";
import { explainEnd, type Unfit, wasmValue } from "../process/page-value.ts";
import { Process } from "../process/process.ts";
import { fillRandom } from "../process/random.ts";
import { Thread } from "../process/thread.ts";
import type { WireStatus, WorkerScope } from "../protocol/sandbox.ts";
import { preview1Modules } from "../wasi/table.ts";
import { BlockingBridge } from "./blocking-bridge.ts";
import type { GuestChannel } from "./message.ts";
import { Ring } from "./output-ring.ts";
import {
	type FarLone,
	type FromGuestWorker,
	FUNCTION_ANSWER,
	type GuestImport,
	type GuestStart,
	type ToGuestWorker,
} from "./protocol.ts";
import { ServiceWorkerChannel } from "./service-worker-channel.ts";
import { SharedMemoryChannel } from "./shared-memory-channel.ts";
import { TreeClient } from "./tree-client.ts";

/** Makes this worker a guest's. */
export function serveGuest(scope: WorkerScope): void {
	let run: () => Promise<WireStatus> = async () => ({ code: 0 });
	const answer = async (message: ToGuestWorker): Promise<FromGuestWorker> => {
		if (message.kind === "run") return { kind: "exit", status: await run() };
		run = await assemble(message, (asked) => scope.postMessage(asked as FromGuestWorker));
		return { kind: "ready" };
	};
	const post = (message: FromGuestWorker) => scope.postMessage(message);
	scope.addEventListener("message", (event) => {
		answer((event as MessageEvent<ToGuestWorker>).data)
			.catch((error): FromGuestWorker => ({ kind: "failed", error: toWire(faultOf(error)) }))
			.then(post);
	});
	post({ kind: "hello" });
}

/** Milliseconds between two reports of what a guest has used. */
const REPORT = 200;

const RING: FromGuestWorker = { kind: "ring" };

async function assemble(
	start: GuestStart,
	post: (message: object) => void,
): Promise<() => Promise<WireStatus>> {
	const { address } = start;
	const channel =
		typeof address === "string"
			? new ServiceWorkerChannel(address, post)
			: new SharedMemoryChannel(address, post);
	const bridge = new BlockingBridge(channel);
	const tree = new TreeClient(channel, start.root);
	const process = new Process({
		args: start.args,
		env: start.env,
		tree,
		operations: tree,
		bridge,
		clock: worldClock(),
		fillRandom,
	});
	process.guessed = (name) => post({ kind: "guessed", name } satisfies FromGuestWorker);
	for (const { node, flags, rights, inheriting, preopen, beyond } of start.descriptors) {
		const file = new OpenFile(tree.node(node), flags, rights, inheriting, preopen);
		if (beyond) file.beyond = tree.root;
		process.descriptors.add(file);
	}
	for (const { descriptor, memory } of start.rings) {
		const file = process.descriptors.get(descriptor);
		if (file) tree.flow(file.node, new Ring(memory, () => post(RING)));
	}
	const last = { name: "", value: undefined as unknown };
	const imports = importsOf(start.imports, channel, last);
	const linking = { bridge, modules: preview1Modules };
	const thread = new Thread(process);
	if (start.limits) {
		const { Budget } = await import("../process/budget.ts");
		process.budget = new Budget(thread, start.limits);
	}
	const report = () => post({ kind: "used", usage: thread.usage() } satisfies FromGuestWorker);
	process.flush = regularly(report);
	if (start.trace !== undefined) {
		const { trace } = await import("../process/trace.ts");
		trace(process, start.trace, (lines) =>
			post({ kind: "trace", lines } satisfies FromGuestWorker),
		);
	}
	const run = await (start.lone
		? begun(start.lone, start.entry)
		: prepare(linking, start.module, thread, start.entry, imports));

	async function begun({ image, directory, terminal }: FarLone, entry: string) {
		process.directory = directory;
		process.terminal = terminal && tree.node(terminal);
		// They stay open, whatever the program closes.
		if (process.terminal) process.terminal.handles += 1;
		for (const file of process.descriptors.files()) if (file.preopen !== null) file.hold();
		const { beginAlone } = await import("../wasix/alone.ts");
		const warn = (message: string) => post({ kind: "warning", message } satisfies FromGuestWorker);
		return beginAlone(bridge, { image, warn }, thread, entry, imports).run;
	}

	return () =>
		run()
			.catch((error) => {
				throw explainEnd(error, last.name, last.value);
			})
			.finally(() => {
				process.flush();
				report();
			});
}

/** Calls `report` some times a second at most, however often it is called itself. */
function regularly(report: () => void): () => void {
	let next = 0;
	return () => {
		const now = performance.now();
		if (now < next) return;
		next = now + REPORT;
		report();
	};
}

/** What a function of the page has returned last. */
interface Last {
	name: string;
	value: unknown;
}

function importsOf(wired: readonly GuestImport[], channel: GuestChannel, last: Last): ExtraImports {
	const extra = new Map<string, Map<string, WebAssembly.ImportValue>>();
	for (const { module, name, value } of wired) {
		const fields = extra.get(module) ?? new Map<string, WebAssembly.ImportValue>();
		const call =
			typeof value === "number"
				? value
				: pageFunction(value.function, channel, `${module}.${name}`, last);
		fields.set(name, call);
		extra.set(module, fields);
	}
	return extra;
}

/** A function of the page, as the guest imports it. */
function pageFunction(
	index: number,
	channel: GuestChannel,
	name: string,
	last: Last,
): WebAssembly.ImportValue {
	return (...args: unknown[]) => {
		channel.ask({ kind: "call", function: index, args } satisfies FromGuestWorker);
		last.name = name;
		last.value = returned(channel);
		return wasmValue(last.value, name);
	};
}

function returned({ message }: GuestChannel): unknown {
	switch (message.numbers[0]) {
		case FUNCTION_ANSWER.number:
			return message.numbers[1];
		case FUNCTION_ANSWER.bigint:
			return BigInt.asIntN(64, message.times[1] as bigint);
		case FUNCTION_ANSWER.failed:
			throw new PortholeError("import-failed", message.text(0, message.length));
		case FUNCTION_ANSWER.unfit:
			return { returned: message.text(0, message.length) } satisfies Unfit;
		default:
			return undefined;
	}
}
