/**
 * The access profile of a package, as a section of its panel: what programs have read of it so far is
 * saved as a file, and how a page uses it is told.
 */
import { downloadBlob, make } from "../element/dom.ts";
import type { AccessProfile, Package } from "../index.ts";
import { explain } from "./explain.ts";
import { bytes, count } from "./formats.ts";

/** The section for a package that was loaded from `source`. */
export function profileSection(loaded: Package, source: string): HTMLElement {
	const title = make("h3", { id: "profile-title" }, "Access profile");
	const save = make("button", { type: "button" }, "Save access profile");
	const said = make("div", { role: "status" });
	save.addEventListener("click", async () => said.replaceChildren(...(await answer())));

	async function answer(): Promise<HTMLElement[]> {
		try {
			const profile = await loaded.profile();
			const name = fileName(source);
			downloadBlob(name, new Blob([`${JSON.stringify(profile)}\n`], { type: "application/json" }));
			return explained(profile, name, source);
		} catch (error) {
			const { what } = explain(error);
			const next = "Give the address of a package instead, on a server that sends parts of a file.";
			return [make("p", {}, `There is none: ${what}. ${next}`)];
		}
	}

	return make(
		"section",
		{ "aria-labelledby": title.id },
		title,
		make(
			"p",
			{},
			"What has been read of this package so far, in its order. Run the program as it is going to be " +
				"run, then save: a page that is given the file asks for these parts before the program does.",
		),
		make("p", { class: "row" }, save),
		said,
	);
}

function explained({ spans }: AccessProfile, name: string, source: string): HTMLElement[] {
	const total = spans.reduce((sum, [, length]) => sum + length, 0);
	const beside = source.replace(/[?#].*$/s, "").replace(/[^/]*$/, name);
	const load = `await sandbox.load(${JSON.stringify(source)}, {\n  profile: ${JSON.stringify(beside)},\n});`;
	const more = `npx porthole inspect --profile ${name} ${name.replace(".profile.json", ".webc")}`;
	return [
		make(
			"p",
			{},
			`${name} is saved: ${count(spans.length, "part")}, ${bytes(total)}. Put it beside the package, and load that with it:`,
		),
		make("pre", { tabindex: "0", "aria-label": "How to load with the profile" }, load),
		make(
			"p",
			{},
			"Where the server compresses, this puts the program beside it too, in a form that can be:",
		),
		make("pre", { tabindex: "0", "aria-label": "How to put the program beside it" }, more),
	];
}

/** `python.profile.json`, for the package at `…/python.webc`. */
function fileName(source: string): string {
	const last = new URL(source, document.baseURI).pathname.split("/").at(-1) ?? "";
	const name = last.replace(/\.(webc|wasm|tar\.gz|tgz)$/, "").replace(/[^\w.-]/g, "_");
	return `${name || "package"}.profile.json`;
}
