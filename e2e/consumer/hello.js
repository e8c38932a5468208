// The smallest program that says something, section by section: it calls fd_write once.
const text = (string) => [string.length, ...new TextEncoder().encode(string)];
const section = (id, ...content) => [id, content.length, ...content];

export const hello = new Uint8Array([
	...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	// Types: (i32 i32 i32 i32) -> i32 and () -> ().
	...section(1, 2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0),
	...section(2, 1, ...text("wasi_snapshot_preview1"), ...text("fd_write"), 0, 0),
	...section(3, 1, 1),
	...section(5, 1, 0, 1),
	...section(7, 2, ...text("memory"), 2, 0, ...text("_start"), 0, 1),
	// fd_write(1, iovecs = 0, one of them, written = 8), and drop the errno.
	...section(10, 1, 13, 0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0, 0x1a, 0x0b),
	// At 0 the iovec: six bytes from 16.
	...section(11, 1, 0, 0x41, 0, 0x0b, ...text("\x10\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0hello\n")),
]);

const manifest = `
[package]
name = "test/archived"
version = "1.0.0"
description = "Says hello."

[[module]]
name = "archived"
source = "archived.wasm"
abi = "wasi"

[[command]]
name = "archived"
module = "archived"
`;

/** The program as a legacy package, whose reader is a part of the worker that is loaded late. */
export async function archive() {
	const parts = [
		...entry("wasmer.toml", new TextEncoder().encode(manifest)),
		...entry("archived.wasm", hello),
		new Uint8Array(1024),
	];
	const packed = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
	return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A file of a tar archive: header, content, and zeros up to a whole block. */
function entry(name, content) {
	const header = new Uint8Array(512);
	const put = (at, string) => header.set(new TextEncoder().encode(string), at);
	const octal = (number, digits) => number.toString(8).padStart(digits, "0");
	put(0, name);
	put(100, "0000644\0");
	put(108, "0000000\0");
	put(116, "0000000\0");
	put(124, `${octal(content.length, 11)}\0`);
	put(136, "00000000000\0");
	put(148, "        ");
	put(156, "0");
	put(257, "ustar\x0000");
	const sum = header.reduce((total, byte) => total + byte, 0);
	put(148, `${octal(sum, 6)}\0 `);
	return [header, content, new Uint8Array(-content.length & 511)];
}
