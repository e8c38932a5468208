/**
 * Tells the page which processes a program has started. A shell starts and ends many in a moment, so the page hears
 * some times a second at most, and nothing of a program that starts none.
 */

import type { WireChild } from "../protocol/sandbox.ts";
import type { ProcessTree } from "../wasix/process-tree.ts";
import { textOf } from "../wasix/text.ts";

/** Milliseconds between two messages. */
const PAUSE = 20;

/** What is to be called at each change of a tree. */
export function toldOfChildren(
	tell: (children: readonly WireChild[]) => void,
): (tree: ProcessTree) => void {
	let isDue = false;
	let last = "[]";
	return (tree) => {
		if (isDue) return;
		isDue = true;
		setTimeout(() => {
			isDue = false;
			const children = tree.children().map(({ pid, process, image }) => ({
				pid,
				command: textOf(process.args[0] ?? new Uint8Array()) || image.name,
			}));
			const now = JSON.stringify(children);
			if (now !== last) tell(children);
			last = now;
		}, PAUSE);
	};
}
