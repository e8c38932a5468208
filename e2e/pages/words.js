/**
 * What the tests say often, as functions of the page: they run where the library runs.
 */

/** What `promise` is rejected with, as plain data; an error of the test where it is not. */
export async function caught(promise) {
	let value;
	try {
		value = await promise;
	} catch (error) {
		return {
			porthole: error instanceof porthole.PortholeError,
			name: error.name,
			code: error.code,
			message: error.message,
		};
	}
	throw new Error(`nothing was thrown; the answer was ${JSON.stringify(value)}`);
}

/** What `call` throws or is rejected with. */
export function thrown(call) {
	return caught(new Promise((resolve) => resolve(call())));
}

/** All of a stream, as text. */
export async function collect(stream) {
	return new Response(stream).text();
}

/** Gives the stream's next line, or what is left at its end. */
export function lines(stream) {
	const reader = stream.getReader();
	let ahead = "";
	return async () => {
		while (!ahead.includes("\n")) {
			const { done, value } = await reader.read();
			if (done) break;
			ahead += text(value);
		}
		const end = ahead.indexOf("\n") + 1 || ahead.length;
		const line = ahead.slice(0, end);
		ahead = ahead.slice(end);
		return line;
	};
}

export function text(bytes) {
	return new TextDecoder().decode(bytes);
}

/** Waits until a condition holds, for as long as the test may last. */
export async function until(holds) {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A WritableStream that keeps what it is given, as text. */
export function keeper() {
	const kept = { text: "" };
	const decoder = new TextDecoder();
	kept.stream = new WritableStream({
		write(chunk) {
			kept.text += decoder.decode(chunk, { stream: true });
		},
	});
	return kept;
}

/** A conversation with a program in a terminal: `type` waits until what comes after it shows a text. */
export function conversation(process) {
	const shown = keeper();
	const over = process.stdout.pipeTo(shown.stream);
	const keys = process.stdin.getWriter();
	const press = (typed) => keys.write(new TextEncoder().encode(typed));
	return {
		get screen() {
			return shown.text;
		},
		press,
		async type(typed, shows) {
			const from = shown.text.length;
			await press(typed);
			await until(() => shown.text.slice(from).includes(shows));
		},
		async end() {
			const { code } = await process.status;
			await over;
			return { screen: shown.text, code };
		},
	};
}

const ascii = (string) => [string.length, ...[...string].map((c) => c.charCodeAt(0))];

function leb(value) {
	return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];

/**
 * A module of a few bytes that ends with `code` at once, for tests that are not about programs.
 * `entry` is its one export beside the memory, `pages` how much memory it demands, and `imports` are
 * functions it never calls.
 */
export function tiny({ code = 0, entry = "_start", pages = 1, imports = [] } = {}) {
	const wanted = [["wasi_snapshot_preview1", "proc_exit"], ...imports];
	return Uint8Array.from([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [2, 0x60, 1, 0x7f, 0, 0x60, 0, 0]),
		...section(2, [
			wanted.length,
			...wanted.flatMap(([module, name]) => [...ascii(module), ...ascii(name), 0, 0]),
		]),
		...section(3, [1, 1]),
		...section(5, [1, 0, ...leb(pages)]),
		...section(7, [2, ...ascii("memory"), 2, 0, ...ascii(entry), 0, wanted.length]),
		...section(10, [1, ...section(0, [0, 0x41, ...leb(code), 0x10, 0, 0x0b]).slice(1)]),
	]);
}

/**
 * A package as the packer would make it. `atoms` are bytes by name; `commands` are annotations by
 * name; `files` are contents by path, in a volume that is mounted at `/`.
 */
export function packed({
	name = "",
	format = 3,
	atoms = {},
	commands = {},
	files,
	use,
	entrypoint,
}) {
	const runner = "https://webc.org/runner/wasi";
	const named = Object.entries(commands).map(([command, annotations]) => [
		command,
		{ runner, annotations },
	]);
	const fs = files && [{ from: null, volume_name: "files", host_path: null, mount_path: "/" }];
	return webc.writePackage({
		format,
		manifest: {
			...(use && { use }),
			package: { wapm: { name, version: "1.0.0" }, ...(fs && { fs }) },
			commands: new Map(named),
			...(entrypoint && { entrypoint }),
		},
		atoms: new Map(Object.entries(atoms)),
		...(files && { volumes: new Map([["files", tree(files)]]) }),
	});
}

function tree(files) {
	const root = new Map();
	for (const [path, content] of Object.entries(files)) {
		const parts = path.split("/");
		let at = root;
		for (const part of parts.slice(0, -1)) {
			if (!at.has(part)) at.set(part, new Map());
			at = at.get(part);
		}
		at.set(parts.at(-1), new TextEncoder().encode(content));
	}
	return root;
}

/** Runs a line of Python and tells how it ended. */
export async function py(sandbox, code, { args = [], ...options } = {}) {
	const output = await sandbox.command("python", ["-c", code, ...args], options).output();
	return {
		code: output.code,
		...(output.signal && { signal: output.signal }),
		...(output.trap && { trap: output.trap.stack }),
		out: output.text(),
		err: text(output.stderr),
	};
}
