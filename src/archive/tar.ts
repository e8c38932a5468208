/**
 * Tar, written and read as a stream. Nothing else here knows how one looks.
 */
import { createTarPacker } from "modern-tar";
import { untar } from "../webc/untar.ts";
import type { Incoming, Outgoing } from "./tree.ts";

export function tar(entries: AsyncIterable<Outgoing>): ReadableStream<Uint8Array> {
	const { readable, controller } = createTarPacker();
	const pack = async () => {
		for await (const { name, type, size, modified, target, content } of entries) {
			const body = controller
				.add({
					name: type === "directory" ? `${name}/` : name,
					type,
					size: type === "file" ? size : 0,
					mtime: modified,
					...(type === "symlink" && { linkname: target }),
				})
				.getWriter();
			// Waits where the reader is slow, and fails where it has gone.
			if (type === "file") for await (const bytes of content()) await body.write(bytes);
			await body.close();
		}
		controller.finalize();
	};
	pack().catch((error) => controller.error(error));
	return readable;
}

export async function* readTar(stream: ReadableStream<Uint8Array>): AsyncGenerator<Incoming> {
	const reader = untar(stream).getReader();
	try {
		for (let next = await reader.read(); !next.done; next = await reader.read()) {
			const { header, body } = next.value;
			let poured = false;
			yield {
				name: header.name,
				type: kindOf(header.type),
				modified: header.mtime,
				target: header.linkname ?? "",
				pour: (into) => {
					poured = true;
					return body.pipeTo(into);
				},
			};
			// Cancelled late, a body would take the next one with it: the decoder may be there already.
			if (!poured) await body.pipeTo(new WritableStream());
		}
	} finally {
		await reader.cancel().catch(() => {});
	}
}

function kindOf(type = "file"): Incoming["type"] {
	if (type === "file" || type === "directory" || type === "symlink" || type === "link") return type;
	return "other";
}
