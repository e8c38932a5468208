/**
 * The page's own elements: what `index.html` has under an id, found with its type checked, and what
 * is made at run time. Text always goes in as text, never as markup: guests choose names.
 */

/** The element with this id. Throws where the page lacks it or it is of another type. */
export function find<T extends Element>(id: string, type: abstract new (...args: never) => T): T {
	const element = document.getElementById(id);
	if (element instanceof type) return element;
	throw new Error(`the page has no ${type.name} with the id ${id}`);
}

/** A new element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
	tag: K,
	attributes: Readonly<Record<string, string>> = {},
	...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** A button that looks and reads as disabled but keeps the focus, so that the keyboard is not lost
 *  when it becomes so while it is in use. */
export function enable(button: HTMLButtonElement, on: boolean): void {
	button.setAttribute("aria-disabled", String(!on));
}

export function isEnabled(button: HTMLButtonElement): boolean {
	return button.getAttribute("aria-disabled") !== "true";
}

/** Hands bytes to the browser as a download. */
export function download(name: string, bytes: Uint8Array): void {
	downloadBlob(name, new Blob([asBlobPart(bytes)]));
}

export function downloadBlob(name: string, blob: Blob): void {
	const url = URL.createObjectURL(blob);
	make("a", { href: url, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Bytes that came from the worker by structured clone: their buffer is not shared, which is all
 *  that the types cannot know. */
export function asBlobPart(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	return bytes as Uint8Array<ArrayBuffer>;
}
