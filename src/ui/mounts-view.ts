/**
 * The panel of mounts: which there are and how they are, a form for one more, and whether the browser
 * has promised to keep what is in them.
 */
import { find, make } from "../element/dom.ts";
import { explain } from "./explain.ts";
import { chooseFolder, forgetFolder, permission } from "./folders.ts";
import { bytes } from "./formats.ts";
import { Notices } from "./notices.ts";
import { faultOf, KINDS, type Kind, type SavedMount } from "./saved-mounts.ts";
import type { Session } from "./session.ts";

export class MountsView {
	readonly #session: Session;
	readonly #notices = new Notices();
	readonly #list = find("mounts-list", HTMLElement);
	readonly #storage = find("mounts-storage", HTMLElement);
	readonly #form = find("mounts-add", HTMLFormElement);
	readonly #kind = find("mount-kind", HTMLSelectElement);
	readonly #path = find("mount-path", HTMLInputElement);
	readonly #name = find("mount-name", HTMLInputElement);
	readonly #label = find("mount-name-label", HTMLElement);
	readonly #hint = find("mount-hint", HTMLElement);
	readonly #submit = find("mount-submit", HTMLButtonElement);
	/** The line of each mount that says how it is. */
	readonly #states = new Map<string, HTMLElement>();
	/** Folders that the browser wants to be asked about. */
	readonly #asking = new Set<string>();
	/** Called with a path whose files are to be shown. */
	onOpen: (path: string) => void = () => {};
	/** Called with a mount that the visitor has allowed. */
	onAllowed: (path: string) => void = () => {};

	constructor(session: Session) {
		this.#session = session;
		this.#kind.replaceChildren(
			...Array.from(KINDS, ([value, { title }]) => make("option", { value }, title)),
		);
		this.#kind.addEventListener("change", () => this.#askForKind());
		this.#form.addEventListener("submit", (event) => {
			event.preventDefault();
			void this.#add();
		});
		this.#notices.onChange = () => this.#showStates();
		session.onSandbox((sandbox) =>
			this.#notices.listen(sandbox, () => session.savedMounts.map(({ path }) => path)),
		);
		session.onUnmountable = (mount, error) => this.#addNotice(mount, error);
		this.#askForKind();
		this.#showList();
	}

	/** The visitor looks at the panel. */
	show(): void {
		this.#notices.seen();
		void this.#showStorage();
	}

	/** The session has another sandbox. */
	refresh(): void {
		this.#showStates();
	}

	// --- the list ---

	#showList(): void {
		this.#states.clear();
		const rows = this.#session.savedMounts.map((mount) => this.#row(mount));
		const none = make(
			"li",
			{ class: "quiet" },
			"Nothing is mounted: files are gone with the page.",
		);
		this.#list.replaceChildren(...(rows.length > 0 ? rows : [none]));
		this.#showStates();
	}

	#row(mount: SavedMount): HTMLElement {
		const { path, kind, name } = mount;
		const open = make(
			"button",
			{ type: "button", "aria-label": `Show the files of ${path}` },
			"Files",
		);
		open.addEventListener("click", () => this.onOpen(path));
		const remove = make("button", { type: "button", "aria-label": `Unmount ${path}` }, "Unmount");
		remove.addEventListener("click", () => void this.#remove(mount));
		const state = make("span", { class: "state" });
		this.#states.set(path, state);
		const controls = make("p", { class: "row" }, make("code", {}, path), open, remove);
		if (kind === "folder") void this.#askPermission(mount, controls);
		const what = [KINDS.get(kind)?.title ?? kind, name].filter(Boolean).join(": ");
		return make(
			"li",
			{ "data-path": path },
			controls,
			make("p", { class: "quiet" }, what),
			make("p", { class: "hint" }, state),
		);
	}

	/** A folder of an earlier visit may have to be allowed again: one click. */
	async #askPermission({ path, name }: SavedMount, controls: HTMLElement): Promise<void> {
		const allowed = () => {
			this.#asking.delete(path);
			this.#showStates();
			this.onAllowed(path);
		};
		// One that is forgotten is not mounted, which is said already.
		const button = await permission(name, allowed).catch(() => null);
		if (button === null) return;
		controls.querySelector("code")?.after(button);
		this.#asking.add(path);
		this.#showStates();
	}

	#showStates(): void {
		for (const [path, line] of this.#states) {
			const pending = this.#notices.pending.get(path) ?? 0;
			const failed = this.#fault(path);
			line.dataset.state = failed === undefined ? "good" : "bad";
			const saving = pending > 0 ? `Saving ${bytes(pending)}…` : "";
			line.textContent = failed ?? (saving || this.#idleState(path));
			if (this.#notices.failed.has(path)) line.append(" ", this.#retryButton(path));
		}
	}

	#fault(path: string): string | undefined {
		if (this.#asking.has(path)) return "The browser wants your permission again";
		return this.#notices.failed.get(path) ?? this.#session.unmounted.get(path);
	}

	/** What there is to say of a mount when nothing happens. */
	#idleState(path: string): string {
		const kind = this.#session.savedMounts.find((mount) => mount.path === path)?.kind;
		if (kind === "http") return "Read only";
		return kind === "memory" ? "In memory only" : "Everything is saved";
	}

	/** A button that saves once more what was refused: nothing of it is lost while the page is open. */
	#retryButton(path: string): HTMLElement {
		const label = `Save ${path} again`;
		const button = make("button", { type: "button", "aria-label": label }, "Try again");
		button.addEventListener("click", async () => {
			try {
				await this.#session.sandbox.sync();
				this.#notices.failed.clear();
				this.#notices.add("note", "Everything is saved now.");
			} catch (error) {
				this.#notices.add("bad", explain(error).what);
			}
			this.#showStates();
		});
		return button;
	}

	async #remove(mount: SavedMount): Promise<void> {
		try {
			await this.#session.unmount(mount.path);
			if (mount.kind === "folder") await forgetFolder(mount.name);
			this.#notices.failed.delete(mount.path);
			this.#asking.delete(mount.path);
			this.#showList();
			this.#hint.textContent = `${mount.path} is no longer mounted; what is in it stays where it is.`;
			this.#path.focus();
		} catch (error) {
			this.#addNotice(mount, error);
		}
	}

	// --- one more ---

	/** Makes the form ask for what the chosen kind needs. */
	#askForKind(): void {
		const about = KINDS.get(this.#kind.value as Kind);
		const { label = "", example = "", hint = "" } = about ?? {};
		this.#label.textContent = label;
		this.#name.placeholder = example;
		for (const part of [this.#label, this.#name]) part.hidden = label === "";
		this.#submit.textContent = this.#kind.value === "folder" ? "Choose a folder…" : "Mount";
		this.#showHint(hint, false);
	}

	async #add(): Promise<void> {
		const kind = [...KINDS.keys()].find((known) => known === this.#kind.value);
		if (kind === undefined) return;
		const wanted: SavedMount = {
			path: this.#path.value.trim(),
			kind,
			name: this.#name.value.trim(),
		};
		const fault = faultOf(wanted, this.#session.savedMounts);
		if (fault !== null) {
			this.#showHint(fault.why, true, fault.field);
			return (fault.field === "name" ? this.#name : this.#path).focus();
		}
		try {
			const mount = kind === "folder" ? { ...wanted, name: await chooseFolder() } : wanted;
			await this.#session.mount(mount);
			for (const field of [this.#path, this.#name]) field.value = "";
			this.#showList();
			this.#showHint(`${mount.path} is mounted, now and at your next visit.`, false);
		} catch (error) {
			if (error instanceof DOMException && error.name === "AbortError") return this.#askForKind();
			const { title, what } = explain(error);
			this.#showHint(`${title}: ${what}`, true);
		}
	}

	#showHint(text: string, wrong: boolean, field = ""): void {
		this.#path.setAttribute("aria-invalid", String(wrong && field === "path"));
		this.#name.setAttribute("aria-invalid", String(wrong && field === "name"));
		this.#hint.textContent = text;
		this.#hint.dataset.state = wrong ? "bad" : "";
	}

	#addNotice(mount: SavedMount, error: unknown): void {
		const { title, what } = explain(error);
		this.#notices.add("bad", `${mount.path}: ${title}: ${what}`);
		this.#showStates();
	}

	// --- what the browser promises ---

	async #showStorage(): Promise<void> {
		const storage: Partial<StorageManager> | undefined = navigator.storage;
		// A frame without an origin is refused both.
		const persisted = (await storage?.persisted?.().catch(() => false)) ?? false;
		const estimate = (await storage?.estimate?.().catch(() => null)) ?? {};
		const { usage = 0, quota = 0 }: StorageEstimate = estimate;
		const used = quota > 0 ? ` ${bytes(usage)} of ${bytes(quota)} are used.` : "";
		const promise = persisted
			? "The browser keeps files of this site until you remove them."
			: "The browser may remove files of this site when the disk is full.";
		this.#storage.replaceChildren(make("span", {}, promise + used));
		if (persisted || storage?.persist === undefined) return;
		const keep = make("button", { type: "button" }, "Ask it to keep them");
		keep.addEventListener("click", async () => {
			if (await storage.persist?.().catch(() => false)) void this.#showStorage();
			else
				keep.replaceWith(" It was asked, and would not promise. It may later, if you come often.");
		});
		this.#storage.append(keep);
	}
}
