/**
 * Style sheets that no content policy forbids.
 *
 * A page that allows styles by file only (`style-src 'self'`) forbids `<style>` elements and `style`
 * attributes, but not sheets that a script constructs and adopts, nor what a script sets through
 * `element.style`. So our own sheets are adopted ones; and xterm.js, which makes `<style>` elements, gets
 * others in their place that do the same in the allowed way.
 */

/** A tree that has sheets: the page, or a shadow tree. */
export type Root = Document | ShadowRoot;

const constructed = new Map<string, CSSStyleSheet>();

/** Adds the sheet with this text to a tree, unless the tree has it. */
export function addSheet(root: Root, text: string): void {
	const sheet = constructed.get(text) ?? new CSSStyleSheet();
	if (!constructed.has(text)) sheet.replaceSync(text);
	constructed.set(text, sheet);
	if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

/** The tree that an element is in. */
export function rootOf(element: Element): Root {
	const root = element.getRootNode();
	return root instanceof ShadowRoot ? root : document;
}

/** Calls `make`, in which each `<style>` that is created is instead a sheet of `root`, for as long as
 *  the element is not removed. */
export function withSheets(root: Root, make: () => void): void {
	document.createElement = (name: string) =>
		name === "style" ? sheetElement(root) : Document.prototype.createElement.call(document, name);
	try {
		make();
	} finally {
		// The prototype's is seen again.
		Reflect.deleteProperty(document, "createElement");
	}
}

/** What stands for a `<style>`: nothing that is seen, whose text is that of a sheet. */
function sheetElement(root: Root): HTMLElement {
	const element = document.createElement("template");
	const sheet = new CSSStyleSheet();
	root.adoptedStyleSheets.push(sheet);
	Object.defineProperty(element, "textContent", {
		set: (text: string) => sheet.replaceSync(text),
	});
	element.remove = () => {
		root.adoptedStyleSheets = root.adoptedStyleSheets.filter((other) => other !== sheet);
		Element.prototype.remove.call(element);
	};
	return element;
}
