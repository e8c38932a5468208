/**
 * A worker that runs one program on one contestant: the floor, a peer, or ours without its adapter.
 *
 * Each peer is used as its documentation says, with everything in memory. Output goes to the page as
 * directly as the peer lets it.
 */
import * as shim from "@bjorn3/browser_wasi_shim";
import { WASI as RunnoWASI } from "@runno/wasi";
import { type SyncWASIOptions, WASI as UtilWASI } from "@tybys/wasm-util";
import { createFsFromVolume, Volume } from "memfs-browser";
import { prepareFloor } from "./floor.ts";
import type { FromHost, HostJob } from "./job.ts";
import { preparePlain } from "./plain.ts";

type Start = () => number | Promise<number>;

let start: Start | null = null;
let text = "";
const decoder = new TextDecoder();

const scope = globalThis as unknown as {
	postMessage(message: FromHost, give?: Transferable[]): void;
	onmessage: (event: MessageEvent<HostJob | "go">) => void;
};

scope.onmessage = async ({ data }) => {
	try {
		if (data === "go") await go();
		else {
			start = await prepare(data);
			scope.postMessage({ kind: "ready" });
		}
	} catch (error) {
		scope.postMessage({ kind: "failed", why: String(error) });
	}
};

async function go(): Promise<void> {
	if (start === null) return;
	const code = await start();
	scope.postMessage({ kind: "done", code, text });
}

async function prepare(job: HostJob): Promise<Start> {
	// As the peers do it: compile, then link.
	const module = await WebAssembly.compile(job.wasm as Uint8Array<ArrayBuffer>);
	const carried = job.printed === "carried";
	/** Bytes that belong to nobody else. */
	const own = (bytes: Uint8Array) => {
		if (carried) scope.postMessage({ kind: "output", chunk: bytes }, [bytes.buffer as ArrayBuffer]);
		else text += decoder.decode(bytes, { stream: true });
	};
	const string = (printed: string) => {
		if (carried) scope.postMessage({ kind: "output", chunk: printed });
		else text += printed;
	};
	const { args, files } = job;
	switch (job.who) {
		case "floor":
			return prepareFloor(module, { args, files, print: (bytes) => own(bytes.slice()) });
		case "plain":
			return preparePlain(module, { args, files, print: (bytes) => own(bytes.slice()) });
		case "shim":
			// It looks at the bytes again afterwards, so they cannot be given away.
			return prepareShim(module, args, files, (bytes) => own(carried ? bytes.slice() : bytes));
		case "runno":
			return prepareRunno(module, args, files, string);
		case "wasm-util":
			return prepareUtil(module, args, files, string);
	}
}

function prepareShim(
	module: WebAssembly.Module,
	args: readonly string[],
	files: ReadonlyMap<string, Uint8Array>,
	print: (bytes: Uint8Array) => void,
): Start {
	const root = new Map<string, shim.Inode>();
	for (const [path, bytes] of files) {
		let at = root;
		const names = path.split("/").filter((name) => name !== "");
		const last = names.pop() ?? "";
		for (const name of names) {
			const known = at.get(name);
			const next = known instanceof shim.Directory ? known : new shim.Directory(new Map());
			at.set(name, next);
			at = next.contents;
		}
		at.set(last, new shim.File(bytes));
	}
	const descriptors = [
		new shim.OpenFile(new shim.File([])),
		new shim.ConsoleStdout(print),
		new shim.ConsoleStdout(() => {}),
		new shim.PreopenDirectory("/", root),
	];
	// It logs its calls unless it is told not to.
	const wasi = new shim.WASI([...args], [], descriptors, { debug: false });
	const instance = new WebAssembly.Instance(module, {
		wasi_snapshot_preview1: wasi.wasiImport as WebAssembly.ModuleImports,
		wasi_unstable: wasi.wasiImport as WebAssembly.ModuleImports,
	});
	return () => wasi.start(instance as unknown as Parameters<typeof wasi.start>[0]);
}

function prepareRunno(
	module: WebAssembly.Module,
	args: readonly string[],
	files: ReadonlyMap<string, Uint8Array>,
	print: (text: string) => void,
): Start {
	const now = new Date();
	const fs: NonNullable<ConstructorParameters<typeof RunnoWASI>[0]["fs"]> = {};
	for (const [path, content] of files) {
		const timestamps = { access: now, modification: now, change: now };
		fs[path] = { path, content, mode: "binary", timestamps };
	}
	const wasi = new RunnoWASI({ args: [...args], env: {}, fs, stdout: print });
	const instance = new WebAssembly.Instance(module, wasi.getImportObject());
	return () => wasi.start({ module, instance }).exitCode;
}

function prepareUtil(
	module: WebAssembly.Module,
	args: readonly string[],
	files: ReadonlyMap<string, Uint8Array>,
	print: (text: string) => void,
): Start {
	const volume = Volume.fromJSON({ "/": null });
	for (const [path, bytes] of files) {
		volume.mkdirSync(path.slice(0, path.lastIndexOf("/")) || "/", { recursive: true });
		volume.writeFileSync(path, bytes as never);
	}
	const wasi = new UtilWASI({
		args: [...args],
		env: {},
		preopens: { "/": "/" },
		fs: createFsFromVolume(volume) as unknown as NonNullable<SyncWASIOptions["fs"]>,
		print: (line) => print(`${line}\n`),
	});
	const instance = new WebAssembly.Instance(module, {
		wasi_snapshot_preview1: wasi.wasiImport,
		wasi_unstable: wasi.wasiImport,
	});
	return async () => (await wasi.start(instance)) ?? 0;
}
