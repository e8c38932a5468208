/**
 * What a sandbox tells without being asked, as a list on the page, the newest first; and how much is
 * on its way to each mount.
 */
import { find, make } from "../element/dom.ts";
import type { Sandbox } from "../index.ts";
import { explain } from "./explain.ts";

const MOST = 50;

export class Notices {
	readonly #list = find("notices", HTMLElement);
	readonly #clear = find("notices-clear", HTMLButtonElement);
	readonly #badge = find("mounts-badge", HTMLElement);
	readonly #panel = find("panel-mounts", HTMLElement);
	/** Bytes on their way, by the path of the mount. */
	readonly pending = new Map<string, number>();
	/** What last went wrong in a mount, by the path of the mount. */
	readonly failed = new Map<string, string>();
	/** Called when one of these maps has changed. */
	onChange: () => void = () => {};
	#unseen = 0;

	constructor() {
		this.#clear.addEventListener("click", () => {
			this.failed.clear();
			this.#list.replaceChildren();
			this.seen();
			this.onChange();
		});
		this.seen();
		addEventListener("beforeunload", (event) => {
			if (this.pending.size > 0) event.preventDefault();
		});
	}

	/** Listens to a sandbox whose mounts are at `paths`. */
	listen(sandbox: Sandbox, paths: () => readonly string[]): void {
		sandbox.addEventListener("mountpending", ({ detail }) => {
			if (detail.bytes > 0) this.pending.set(detail.path, detail.bytes);
			else this.pending.delete(detail.path);
			this.onChange();
		});
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			const { title } = explain(error);
			const mount = paths().find((at) => path === at || path.startsWith(`${at}/`));
			if (mount !== undefined) this.failed.set(mount, title);
			this.add("bad", `${path} was not saved: ${title} (${error.code})`);
			this.onChange();
		});
		sandbox.addEventListener("conflict", ({ detail: { path, kept } }) => {
			this.add("bad", `${path} was replaced outside meanwhile; the other version is now ${kept}`);
		});
		sandbox.addEventListener("workerreplaced", () => {
			this.add(
				"note",
				"A program that could not be stopped was ended together with its worker. Files in memory are gone; mounts have what was written.",
			);
		});
		sandbox.addEventListener("warning", ({ detail }) => this.add("note", detail.message));
	}

	add(kind: "bad" | "note", text: string): void {
		const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
		this.#list.prepend(make("li", { class: kind }, make("time", {}, time), ` ${text}`));
		while (this.#list.children.length > MOST) this.#list.lastElementChild?.remove();
		this.#clear.hidden = false;
		this.#unseen++;
		if (!this.#panel.hidden) this.#unseen = 0;
		this.#showBadge();
	}

	/** The visitor is looking at them. */
	seen(): void {
		this.#unseen = 0;
		this.#clear.hidden = this.#list.children.length === 0;
		this.#showBadge();
	}

	#showBadge(): void {
		this.#badge.hidden = this.#unseen === 0;
		this.#badge.textContent = `${this.#unseen} new`;
	}
}
