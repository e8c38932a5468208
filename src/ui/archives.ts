/**
 * Directories out of the tree and into it, as archives.
 */
import { downloadBlob, find } from "../element/dom.ts";
import type { Files } from "./files.ts";
import { bytes } from "./formats.ts";

type Format = "tar" | "tar.gz" | "zip";

export class Archives {
	readonly #files: Files;
	readonly #format = find("archive-format", HTMLSelectElement);
	readonly #input = find("archive-file", HTMLInputElement);

	constructor(files: Files) {
		this.#files = files;
		find("archive-export", HTMLButtonElement).addEventListener("click", () => void this.#export());
		find("archive-import", HTMLButtonElement).addEventListener("click", () => this.#input.click());
		this.#input.addEventListener("change", () => void this.#import());
	}

	async #export(): Promise<void> {
		const { directory } = this.#files;
		// The options of the element in the page.
		const format = this.#format.value as Format;
		const blob = await this.#files.ask(`Packing ${directory}`, async (fs) =>
			// The browser may keep a large Blob on the disk.
			new Response(await fs.exportArchive(directory, { format })).blob(),
		);
		if (blob === null) return;
		const name = directory.slice(directory.lastIndexOf("/") + 1) || "files";
		downloadBlob(`${name}.${format}`, blob);
		this.#files.say(`${directory} was packed: ${bytes(blob.size)}`);
	}

	async #import(): Promise<void> {
		const [archive] = this.#input.files ?? [];
		this.#input.value = "";
		if (archive === undefined) return;
		const { directory } = this.#files;
		const done = await this.#files.ask(`Unpacking ${archive.name}`, (fs) =>
			fs.importArchive(archive, directory),
		);
		if (done === null) return;
		await this.#files.refresh();
		const { entries, bytes: size } = done;
		this.#files.say(
			`${archive.name} is unpacked: ${entries === 1 ? "1 entry" : `${entries} entries`}, ${bytes(size)}`,
		);
	}
}
