/**
 * The sandbox's tree, a directory at a time: look into it, view and download files, put some in.
 *
 * Each look is numbered: an answer that comes after a newer question is dropped. While a program
 * computes without a call the worker cannot answer, so a slow look says what it waits for.
 */
import { asBlobPart, download, find, make } from "../element/dom.ts";
import type { DirEntry, SandboxFS } from "../index.ts";
import { explain } from "./explain.ts";
import { bytes, count } from "./formats.ts";
import { FILES } from "./saved-mounts.ts";

const MOST_ENTRIES = 1000;
const MOST_VIEWED = 500_000;
const PATIENCE = 400;

export class Files {
	readonly #fs: () => SandboxFS;
	readonly #path = find("files-path", HTMLElement);
	readonly #status = find("files-status", HTMLElement);
	readonly #list = find("files-list", HTMLElement);
	readonly #view = find("files-view", HTMLElement);
	readonly #upload = find("files-upload", HTMLInputElement);
	/** Called with a file that is to be loaded as a package. */
	onLoad: (file: File) => void = () => {};
	#directory = FILES;
	#look = 0;

	constructor(fs: () => SandboxFS) {
		this.#fs = fs;
		find("files-up", HTMLButtonElement).addEventListener("click", () =>
			this.open(parent(this.#directory)),
		);
		find("files-again", HTMLButtonElement).addEventListener("click", () => this.refresh());
		find("files-add", HTMLButtonElement).addEventListener("click", () => this.#upload.click());
		this.#upload.addEventListener("change", () => this.#put([...(this.#upload.files ?? [])]));
		this.#showEmpty();
	}

	/** The one that is shown. */
	get directory(): string {
		return this.#directory;
	}

	/** Looks once more. Where the directory is gone, as with the package that had it, the nearest one
	 *  above it is shown. */
	async refresh(): Promise<void> {
		const path = this.#directory;
		const there = await this.ask(`Looking for ${path}`, async (fs) => {
			let at = path;
			while (at !== "/" && !(await isDirectory(fs, at))) at = parent(at);
			return at;
		});
		if (there !== null) await this.open(there);
	}

	async open(path: string): Promise<void> {
		const entries = await this.ask(`Looking into ${path}`, (fs) => fs.readdir(path));
		if (entries === null) return;
		this.#directory = path;
		this.#showPath();
		entries.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
		const shown = entries.slice(0, MOST_ENTRIES);
		this.#list.replaceChildren(...shown.map((entry) => this.#row(entry)));
		if (entries.length === 0) this.#list.append(make("li", { class: "quiet" }, "Nothing here yet"));
		const more = entries.length > shown.length ? `, the first ${shown.length} shown` : "";
		this.#status.textContent = `${entries.length === 1 ? "1 entry" : `${entries.length} entries`}${more}`;
	}

	#row(entry: DirEntry): HTMLElement {
		const path = join(this.#directory, entry.name);
		const mark = entry.isDirectory() ? "/" : entry.isSymbolicLink() ? "@" : "";
		const button = make("button", { type: "button", "data-type": entry.type }, entry.name + mark);
		button.addEventListener("click", () => this.#choose(path, entry));
		return make("li", {}, button);
	}

	/** A link is what it leads to. */
	async #choose(path: string, entry: DirEntry): Promise<void> {
		if (entry.isDirectory()) return this.open(path);
		const stat = await this.ask(`Looking at ${path}`, (fs) => fs.stat(path));
		if (stat === null) return;
		if (stat.isDirectory()) return this.open(path);
		if (!stat.isFile()) return this.say(`${path} is a ${stat.type} and cannot be shown`);
		await this.#show(path, stat.size);
	}

	async #show(path: string, size: number): Promise<void> {
		const name = nameIn(path);
		const use = (title: string, take: (content: Uint8Array) => void) => {
			const button = make("button", { type: "button" }, title);
			button.addEventListener("click", async () => {
				const content = await this.ask(`Reading ${path}`, (fs) => fs.readFile(path));
				if (content !== null) take(content);
			});
			return button;
		};
		const head = make("p", { class: "row" }, make("strong", {}, name), bytes(size));
		head.append(use("Download", (content) => download(name, content)));
		if (/\.(webc|wasm|tar\.gz|tgz)$/.test(name)) {
			head.append(
				use("Load as package", (content) => this.onLoad(new File([asBlobPart(content)], name))),
			);
		}
		const body = size > MOST_VIEWED ? tooLarge() : await this.#content(path);
		if (body !== null) this.#view.replaceChildren(head, body);
	}

	async #content(path: string): Promise<HTMLElement | null> {
		const content = await this.ask(`Reading ${path}`, (fs) => fs.readFile(path));
		if (content === null) return null;
		const text = textOf(content);
		if (text === null)
			return make("p", { class: "quiet" }, "Not a text. Download it to look inside.");
		return text === ""
			? make("p", { class: "quiet" }, "The file is empty.")
			: make("pre", { tabindex: "0", "aria-label": nameIn(path) }, text);
	}

	async #put(files: readonly File[]): Promise<void> {
		this.#upload.value = "";
		const directory = this.#directory;
		for (const file of files) {
			const path = join(directory, file.name);
			const done = await this.ask(`Writing ${path}`, async (fs) => {
				await fs.writeFile(path, new Uint8Array(await file.arrayBuffer()));
				return true;
			});
			if (done === null) return;
		}
		await this.refresh();
		this.say(`${count(files.length, "file")} written to ${directory}`);
	}

	/** The answer, or null when it failed (which is then said) or is no longer wanted. */
	async ask<T>(doing: string, call: (fs: SandboxFS) => Promise<T>): Promise<T | null> {
		const look = ++this.#look;
		const slow = setTimeout(
			() => look === this.#look && this.say(`${doing}… a busy program answers late`),
			PATIENCE,
		);
		try {
			const answer = await call(this.#fs());
			if (look !== this.#look) return null;
			this.say("");
			return answer;
		} catch (error) {
			const { title, what } = explain(error);
			if (look === this.#look) this.say(`${title}: ${what}`);
			return null;
		} finally {
			clearTimeout(slow);
		}
	}

	say(text: string): void {
		this.#status.textContent = text;
	}

	#showEmpty(): void {
		this.#view.replaceChildren(
			make(
				"p",
				{ class: "quiet" },
				`Choose a file to see it. What is in a mount, such as ${FILES}, stays when you load another package or stop a program by force; all else is in memory.`,
			),
		);
	}

	#showPath(): void {
		const names = this.#directory.split("/").filter((name) => name !== "");
		const crumbs = ["/", ...names].map((name, index) => {
			const path = `/${names.slice(0, index).join("/")}`;
			const button = make("button", { type: "button" }, name);
			if (index === names.length) button.setAttribute("aria-current", "true");
			button.addEventListener("click", () => this.open(path));
			return button;
		});
		this.#path.replaceChildren(...crumbs);
	}
}

async function isDirectory(fs: SandboxFS, path: string): Promise<boolean> {
	return fs.stat(path).then(
		(stats) => stats.isDirectory(),
		() => false,
	);
}

function rank(entry: DirEntry): number {
	return entry.isDirectory() ? 0 : 1;
}

function join(directory: string, name: string): string {
	return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

function parent(path: string): string {
	return path.slice(0, path.lastIndexOf("/")) || "/";
}

function nameIn(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

function tooLarge(): HTMLElement {
	const text = `Too large to show here (more than ${bytes(MOST_VIEWED)}). Download it to look inside.`;
	return make("p", { class: "quiet" }, text);
}

/** The text of a file, or null for what is none: bytes that are not UTF-8, or a NUL. */
function textOf(content: Uint8Array): string | null {
	try {
		const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
		return text.includes("\0") ? null : text;
	} catch {
		return null;
	}
}
