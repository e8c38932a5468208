/**
 * Folders of the visitor's: chosen once, remembered by the browser under a name.
 */
import { FileSystemAccessDirectory, PortholeError } from "../index.ts";

/** Those of this visit, for which the browser asks no more. */
const known = new Map<string, FileSystemAccessDirectory>();

/** Lets the visitor choose a folder; resolves to the name it is known by. To be called from a click. */
export async function chooseFolder(): Promise<string> {
	const directory = await FileSystemAccessDirectory.pick({ id: "porthole-playground" });
	const { handle } = directory;
	for (let number = 1; ; number++) {
		// Two folders may have one name.
		const name = number === 1 ? handle.name : `${handle.name} (${number})`;
		const other = await FileSystemAccessDirectory.restore(name);
		if (other !== null && !(await other.handle.isSameEntry(handle))) continue;
		await directory.remember(name);
		known.set(name, directory);
		return name;
	}
}

/** Errors: ENOENT for one that the browser has forgotten. */
export async function openFolder(name: string): Promise<FileSystemAccessDirectory> {
	const directory = known.get(name) ?? (await FileSystemAccessDirectory.restore(name));
	if (directory === null) {
		throw new PortholeError(
			"ENOENT",
			`the browser has forgotten the folder ${name}; choose it again`,
		);
	}
	known.set(name, directory);
	return directory;
}

export async function forgetFolder(name: string): Promise<void> {
	known.delete(name);
	await FileSystemAccessDirectory.forget(name);
}

/** A button that asks the visitor for what the browser wants to be asked for; null where it need not
 *  be. `done` is called when it is allowed. */
export async function permission(
	name: string,
	done: () => void,
): Promise<HTMLButtonElement | null> {
	const directory = await openFolder(name);
	if ((await directory.queryPermission()) === "granted") return null;
	const button = document.createElement("button");
	button.type = "button";
	button.textContent = "Allow";
	button.setAttribute("aria-label", `Allow this page to use the folder ${name}`);
	button.addEventListener("click", async () => {
		if ((await directory.requestPermission()) !== "granted") return;
		button.remove();
		done();
	});
	return button;
}
