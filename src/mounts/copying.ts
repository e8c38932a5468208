/**
 * Pens where no file can be changed in place: on the user's disk, and where the browser lets nobody
 * hold a file. A change is made in a copy, which takes the file's place when it is closed.
 */
import type { Find, Pens } from "./pens.ts";

export class CopyingPens implements Pens {
	async read(): Promise<null> {
		return null;
	}

	async write(_: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean> {
		// No handle takes shared memory.
		const data = bytes.slice();
		await change(await find(), (writable) =>
			writable.write({ type: "write", position: offset, data }),
		);
		return true;
	}

	async resize(_: string, find: Find, size: number): Promise<boolean> {
		await change(await find(), (writable) => writable.truncate(size));
		return true;
	}

	async putDown(): Promise<void> {}

	async settle(): Promise<void> {}

	async sync(): Promise<void> {}
}

async function change(
	file: FileSystemFileHandle,
	work: (writable: FileSystemWritableFileStream) => Promise<void>,
): Promise<void> {
	const writable = await file.createWritable({ keepExistingData: true });
	try {
		await work(writable);
	} catch (error) {
		await writable.abort().catch(() => {});
		throw error;
	}
	await writable.close();
}
