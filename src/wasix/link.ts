/**
 * How a thread is linked: the adapter between its program and its calls, its imports, its stack and its meter.
 */
import { EAGAIN, ENOEXEC, type Errno } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import { Meter } from "../process/meter.ts";
import type { AdapterExports, AdapterHost } from "./adapter.ts";
import { wasixCalls } from "./calls.ts";
import { HOOKS, type Image } from "./image.ts";
import type { Kernel } from "./kernel.ts";
import { takeMemory } from "./memories.ts";
import { Stack } from "./stack.ts";
import type { WasixThread } from "./thread.ts";

/** Makes the instance of a thread. Errors: RangeError where there is no memory, LinkError, PortholeError. */
export function link(kernel: Kernel, thread: WasixThread): WasixThread {
	const { image, memory, pid } = thread.owner;
	const { bridge } = kernel;
	const own = { ...wasixCalls(thread), ...kernel.calls?.(thread) };
	const calls = thread.process.around(own, thread.memory, pid);
	const adapter = new WebAssembly.Instance(image.adapter, {
		call: (bridge.calls?.(calls) ?? calls) as Record<string, WebAssembly.ImportValue>,
		host: hostOf(kernel, thread) as Record<string, WebAssembly.ImportValue>,
	}).exports as AdapterExports;
	const imports: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null);
	const put = (module: string, name: string, value: WebAssembly.ImportValue) => {
		imports[module] ??= Object.create(null);
		(imports[module] as Record<string, WebAssembly.ImportValue>)[name] = value;
	};
	for (const { module, name, call } of image.ours) {
		put(module, name, adapter[call] as WebAssembly.ImportValue);
	}
	if (image.memory) put(image.memory.module, image.memory.name, memory);
	for (const { module, name } of image.others) {
		const value = image.body?.(thread) ?? kernel.other(module, name);
		if (value !== undefined) put(module, name, value);
	}
	const instance = new WebAssembly.Instance(image.module, imports);
	const exported = instance.exports.memory;
	const real = image.memory === null && exported instanceof WebAssembly.Memory ? exported : memory;
	thread.owner.memory = real;
	thread.memory.attach(real);
	thread.linked(instance, adapter, new Stack(instance, thread.memory, thread.bounds));
	const hooks = instance.exports["porthole:breathe"];
	if (hooks instanceof WebAssembly.Table) {
		HOOKS.forEach(({ name }, index) => {
			if (hooks.length > index + 1) hooks.set(index + 1, adapter[name]);
		});
		if (instance.exports["porthole:fuel"]) Meter.connect(instance, thread, bridge);
	}
	return thread;
}

function hostOf(kernel: Kernel, thread: WasixThread): AdapterHost {
	const { bridge } = kernel;
	const { owner } = thread;
	return {
		shouldYield: () => bridge.shouldYield(thread),
		next: () => thread.nextSignal(),
		interrupted: () => -thread.interrupted(),
		wait: kernel.waitImport(
			thread,
			() => {
				if (owner.hasSignals && !thread.ended && thread.handling === 0) {
					bridge.dropNotes();
					return 2;
				}
				if (thread.handling === 0) bridge.pending(thread.signalled);
				return 0;
			},
			(over) => over || (owner.hasSignals && thread.handling === 0 ? 2 : 0),
		),
	};
}

/** A memory for a program, with room for `bytes` that will be written from its beginning on. Errors: RangeError where the
 *  page has no addresses left. */
export function makeMemory({ memory }: Image, bytes = 0): WebAssembly.Memory {
	if (memory === null) return new WebAssembly.Memory({ initial: 0 });
	const pages = Math.max(memory.minimum, Math.ceil(bytes / 65536));
	return takeMemory(pages, memory.maximum, bytes);
}

/** What a failure to link is to a program. Any other error is thrown again. */
export function notStarted(error: unknown): Errno {
	if (error instanceof RangeError) return EAGAIN;
	if (error instanceof WebAssembly.LinkError || error instanceof PortholeError) return ENOEXEC;
	throw error;
}
