/**
 * Where a package comes from: a sample, an address, or a file that is chosen or dropped; and how far
 * its loading has come.
 */
import { find, make } from "../element/dom.ts";
import type { Progress } from "../index.ts";
import { bytes } from "./formats.ts";
import type { Sample } from "./samples.ts";

export type Choice =
	| { readonly kind: "sample"; readonly sample: Sample }
	| { readonly kind: "url"; readonly url: string }
	| { readonly kind: "file"; readonly file: File };

/** What a choice is called in a sentence. */
export function nameOf(choice: Choice): string {
	if (choice.kind === "sample") return choice.sample.name;
	return choice.kind === "file" ? choice.file.name : choice.url;
}

export class PackagePicker {
	readonly #samples = find("samples", HTMLElement);
	readonly #url = find("url", HTMLInputElement);
	readonly #file = find("file", HTMLInputElement);
	readonly #loading = find("loading", HTMLElement);
	readonly #bar = find("loading-bar", HTMLProgressElement);
	readonly #text = find("loading-text", HTMLElement);
	readonly #cancel = find("cancel", HTMLButtonElement);
	readonly #drop = find("drop", HTMLElement);
	onChoose: (choice: Choice) => void = () => {};
	onCancel: () => void = () => {};

	constructor() {
		find("address", HTMLFormElement).addEventListener("submit", (event) => {
			event.preventDefault();
			const url = this.#url.value.trim();
			if (url === "") this.#url.focus();
			else this.onChoose({ kind: "url", url });
		});
		find("choose", HTMLButtonElement).addEventListener("click", () => this.#file.click());
		this.#file.addEventListener("change", () => {
			this.#take(this.#file.files);
			this.#file.value = "";
		});
		this.#cancel.addEventListener("click", () => this.onCancel());
		this.#acceptDrops();
	}

	/** The samples as buttons, or what to do when there are none. */
	offer(samples: readonly Sample[]): void {
		this.#samples.setAttribute("aria-busy", "false");
		if (samples.length === 0) {
			this.#samples.replaceChildren(
				make(
					"p",
					{ class: "quiet" },
					"No samples here yet. In Porthole's folder, ",
					make("code", {}, "npm run samples"),
					" makes them; then reload this page.",
				),
			);
			return;
		}
		this.#samples.replaceChildren(
			...samples.map((sample) => {
				const { name, version, size, description } = sample;
				const button = make(
					"button",
					{
						type: "button",
						class: "sample",
						title: description,
						"aria-pressed": "false",
						"data-sample": name,
					},
					make("strong", {}, name),
					make("small", {}, `${version} · ${bytes(size)}`),
				);
				button.addEventListener("click", () => this.onChoose({ kind: "sample", sample }));
				return button;
			}),
		);
	}

	/** Marks what is chosen. */
	mark(choice: Choice): void {
		for (const button of this.#samples.querySelectorAll("button")) {
			const chosen = choice.kind === "sample" && button.dataset.sample === choice.sample.name;
			button.setAttribute("aria-pressed", String(chosen));
		}
		if (choice.kind === "url") this.#url.value = choice.url;
	}

	progress(name: string, { phase, loaded, total }: Progress): void {
		this.#loading.dataset.state = "busy";
		this.#cancel.hidden = false;
		if (phase === "reading" && total !== undefined && total > 0) this.#bar.value = loaded / total;
		else this.#bar.removeAttribute("value");
		const all = total === undefined ? "" : ` of ${bytes(total)}`;
		const texts = {
			connecting: `Connecting for ${name}…`,
			reading: `Reading ${name}: ${bytes(loaded)}${all}`,
			compiling: `Checking ${name}…`,
			ready: `${name} is ready`,
		};
		this.#text.textContent = texts[phase];
	}

	/** Loading is over, one way or another. */
	settle(state: "idle" | "ready" | "failed", text: string): void {
		this.#loading.dataset.state = state;
		this.#cancel.hidden = true;
		this.#bar.value = state === "ready" ? 1 : 0;
		this.#text.textContent = text;
	}

	#take(files: FileList | null | undefined): void {
		const file = files?.[0];
		if (file) this.onChoose({ kind: "file", file });
	}

	/** The whole page takes a file; what is not one (a selection of text) goes its usual way. */
	#acceptDrops(): void {
		let depth = 0;
		const leave = () => {
			depth = 0;
			this.#drop.hidden = true;
		};
		addEventListener("dragenter", (event) => {
			if (!hasFile(event)) return;
			depth++;
			this.#drop.hidden = false;
		});
		addEventListener("dragleave", () => {
			if (--depth <= 0) leave();
		});
		addEventListener("dragover", (event) => {
			if (hasFile(event)) event.preventDefault();
		});
		addEventListener("drop", (event) => {
			if (!hasFile(event)) return;
			event.preventDefault();
			leave();
			this.#take(event.dataTransfer?.files);
		});
	}
}

function hasFile(event: DragEvent): boolean {
	return event.dataTransfer?.types.includes("Files") === true;
}
