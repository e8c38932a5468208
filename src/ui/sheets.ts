/**
 * Style sheets that no content policy forbids.
 *
 * A page that allows styles by file only (`style-src 'self'`) forbids `<style>` elements and `style`
 * attributes, but not sheets that a script constructs and adopts, nor what a script sets through
 * `element.style`. So our own sheets are adopted ones; and xterm.js, which makes `<style>` elements and
 * `style` attributes for its colours, gets a document of which it makes elements that do the same in
 * the allowed way.
 */

/** A tree that has sheets: the page, or a shadow tree. */
export type Root = Document | ShadowRoot;

const made = new Map<string, CSSStyleSheet>();

/** Gives a tree the sheet with this text; once, however often it is asked. */
export function dress(root: Root, text: string): void {
	const sheet = made.get(text) ?? new CSSStyleSheet();
	if (!made.has(text)) sheet.replaceSync(text);
	made.set(text, sheet);
	if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

/** The tree that an element is in. */
export function rootOf(element: Element): Root {
	const root = element.getRootNode();
	return root instanceof ShadowRoot ? root : document;
}

/** The page's document, except that the styles of the elements which it makes are allowed ones: a
 *  `<style>` becomes a sheet of `root` for as long as it is in a tree, and the attribute `style` is
 *  set through `element.style`. */
export function documentFor(root: Root): Document {
	const create = (name: string) =>
		name === "style" ? sheetElement(root) : withStyle(document.createElement(name));
	return new Proxy(document, {
		get(target, name) {
			if (name === "createElement") return create;
			const value: unknown = Reflect.get(target, name, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
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

function withStyle<T extends HTMLElement>(element: T): T {
	element.setAttribute = setAttribute;
	return element;
}

/** As every element's, but for one attribute. */
function setAttribute(this: HTMLElement, name: string, value: string): void {
	if (name === "style") this.style.cssText = value;
	else Element.prototype.setAttribute.call(this, name, value);
}
