/**
 * Folders of the visitor's that were mounted before.
 */
import { FileSystemAccessDirectory } from "../index.ts";

const known = new Map<string, FileSystemAccessDirectory>();

/** Lets the visitor choose a folder; resolves to the name it is known by. To be called from a click. */
export async function chooseFolder(): Promise<string> {
	const directory = await FileSystemAccessDirectory.pick({ id: "porthole-playground" });
	known.set(directory.handle.name, directory);
	return directory.handle.name;
}

export async function openFolder(name: string): Promise<FileSystemAccessDirectory> {
	const directory = known.get(name);
	if (directory !== undefined) return directory;
	throw new Error(`the folder ${name} has to be chosen again`);
}
