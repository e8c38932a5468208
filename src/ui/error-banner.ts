/**
 * The place where the page says what went wrong: one problem at a time, above the output.
 */
import { find, make } from "../element/dom.ts";
import { explain, type Problem } from "./explain.ts";

const MOST_NAMES = 200;

const place = find("problem", HTMLElement);

/** Shows a problem, and the focus goes there when `focus` says so. */
export function showProblem(error: unknown): Problem {
	const problem = explain(error);
	const { title, what, next, list } = problem;
	const dismiss = make("button", { type: "button" }, "Dismiss");
	dismiss.addEventListener("click", clearProblem);
	place.replaceChildren(
		make("p", { class: "title" }, title),
		make("p", { class: "what" }, what),
		...(list.length > 0 ? [names(list)] : []),
		...(next.length > 0 ? [make("ul", {}, ...next.map((line) => make("li", {}, line)))] : []),
		dismiss,
	);
	place.hidden = false;
	place.scrollIntoView({ block: "nearest" });
	return problem;
}

export function clearProblem(): void {
	place.hidden = true;
	place.replaceChildren();
}

function names(list: readonly string[]): HTMLElement {
	const shown = list.slice(0, MOST_NAMES).map((name) => make("li", {}, make("code", {}, name)));
	if (list.length > MOST_NAMES) shown.push(make("li", {}, `and ${list.length - MOST_NAMES} more`));
	return make("ul", { class: "names" }, ...shown);
}
