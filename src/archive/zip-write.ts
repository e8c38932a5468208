/**
 * Zip, written as a stream: each file deflated, its length behind it, zip64 where it must be.
 */
import { ZipWriter } from "@zip.js/zip.js/lib/zip-core-writer.js";
import type { Outgoing } from "./tree.ts";

const SYMLINK = 0o120777;
const FILE = 0o100644;
const DIRECTORY = 0o40755;

export function zip(entries: AsyncIterable<Outgoing>): ReadableStream<Uint8Array> {
	const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
	const writer = new ZipWriter(writable, { useWebWorkers: false, extendedTimestamp: true });
	const pack = async () => {
		for await (const { name, type, size, modified, target, content } of entries) {
			const common = { lastModDate: modified };
			if (type === "directory") {
				await writer.add(`${name}/`, undefined, {
					...common,
					directory: true,
					unixMode: DIRECTORY,
				});
			} else if (type === "symlink") {
				const bytes = new TextEncoder().encode(target);
				await writer.add(name, sized(once(bytes), bytes.length), { ...common, unixMode: SYMLINK });
			} else {
				await writer.add(name, sized(content(), size), { ...common, unixMode: FILE });
			}
		}
		await writer.close();
	};
	pack().catch((error) => writable.abort(error).catch(() => {}));
	return readable;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	yield bytes;
}

/** A stream whose length is known, which spares small files the form of large ones. */
function sized(parts: AsyncGenerator<Uint8Array>, size: number) {
	const readable = new ReadableStream<Uint8Array>({
		async pull(controller) {
			const { done, value } = await parts.next();
			if (done) controller.close();
			else controller.enqueue(value);
		},
		cancel: () => parts.return(undefined).then(() => {}),
	});
	return { readable, size };
}
