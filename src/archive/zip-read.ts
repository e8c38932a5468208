/**
 * Zip, read by the directory at its end. Checked are the sums of the files, and that no two of them
 * share bytes, which is how a small archive may stand for a huge one.
 */
import { type Reader, ZipReader } from "@zip.js/zip.js/lib/zip-core-reader.js";
import type { Incoming } from "./tree.ts";

export async function* readZip(archive: Blob): AsyncGenerator<Incoming> {
	// The importer checks names.
	const options = {
		useWebWorkers: false,
		checkSignature: true,
		checkOverlappingEntry: true,
		filenameValidation: "tolerant",
	} as const;
	const reader = new ZipReader(randomAccess(archive), options);
	try {
		for await (const entry of reader.getEntriesGenerator()) {
			const { filename: name, lastModDate: modified } = entry;
			const pour: Incoming["pour"] = (into) =>
				entry.directory ? into.close() : entry.getData(into, options);
			const type = entry.directory ? "directory" : entry.symlink ? "symlink" : "file";
			const target = type === "symlink" ? await text(pour, name) : "";
			yield { name, type, modified, target, pour };
		}
	} finally {
		await reader.close();
	}
}

const LONGEST_TARGET = 4096;

/** The target of a symlink, which is its content. */
async function text(pour: Incoming["pour"], name: string): Promise<string> {
	const decoder = new TextDecoder("utf-8", { fatal: true });
	let target = "";
	const collect = new WritableStream<Uint8Array>({
		write(bytes) {
			target += decoder.decode(bytes, { stream: true });
			if (target.length > LONGEST_TARGET)
				throw new Error(`${name} is a symlink with a long target`);
		},
	});
	await pour(collect);
	return target + decoder.decode();
}

/** A Blob as the library reads it. Its own class for that would bring the whole library. */
function randomAccess(blob: Blob): Reader<Blob> {
	const access = {
		size: blob.size,
		readUint8Array: async (offset: number, length: number) =>
			new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
		createReadable: ({ offset = 0, size = blob.size }: { offset?: number; size?: number } = {}) =>
			blob.slice(offset, offset + size).stream(),
		get readable() {
			return blob.stream();
		},
	};
	// All that is called of a Reader; the types want the class.
	return access as unknown as Reader<Blob>;
}
