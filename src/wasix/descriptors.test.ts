import { expect, test } from "vitest";
import { EBADF, EMFILE } from "../abi/errno.ts";
import { NullDevice } from "../fs/devices.ts";
import { Tmp } from "../fs/tmp.ts";
import { OpenFile } from "../process/descriptors.ts";
import { DescriptorTable } from "./descriptors.ts";

const open = () => new OpenFile(new NullDevice(), 0, 0, 0);

function directory(name: string): OpenFile {
	return new OpenFile(new Tmp({ now: () => 0n }).root, 0, 0, 0, name);
}

test("the lowest free number is taken, also from a least one on", () => {
	const table = new DescriptorTable(new Map());
	expect([table.add(open()), table.add(open()), table.add(open())]).toEqual([0, 1, 2]);
	expect(table.close(1)).toBe(0);
	expect(table.addFrom(open(), 10)).toBe(10);
	expect(table.addFrom(open(), 10)).toBe(11);
	expect(table.add(open())).toBe(1);
	expect(table.addFrom(open(), 1 << 16)).toBeLessThan(0);
	expect(table.addFrom(open(), (1 << 16) - 1)).toBe((1 << 16) - 1);
	expect(table.addFrom(open(), (1 << 16) - 1)).toBe(EMFILE);
});

test("renumber is dup2: the source stays open, the target may be free, the file is shared", () => {
	const table = new DescriptorTable(new Map());
	const [file, other] = [open(), open()];
	table.add(file);
	table.add(other);
	table.setCloseOnExec(1, true);
	expect(table.renumber(0, 1)).toBe(0);
	expect(table.renumber(0, 7)).toBe(0);
	expect(table.renumber(5, 0)).toBe(EBADF);
	expect(table.renumber(0, 0)).toBe(0);
	expect([table.file(0), table.file(1), table.file(7)]).toEqual([file, file, file]);
	expect([file.uses, other.uses]).toEqual([3, 0]);
	expect(table.isClosedOnExec(1)).toBe(false);
	expect(other.node.handles).toBe(0);
});

test("exec closes what is marked, and a copy has the marks", () => {
	const table = new DescriptorTable(new Map());
	const file = open();
	table.add(file);
	table.add(file);
	table.setCloseOnExec(1, true);
	const copy = table.copy();
	expect(file.uses).toBe(4);
	copy.closeMarked();
	expect([copy.file(0), copy.file(1)]).toEqual([file, undefined]);
	expect(table.file(1)).toBe(file);
	copy.closeAll();
	table.closeAll();
	expect([file.uses, file.node.handles]).toEqual([0, 0]);
});

test("a directory that paths begin in takes no number, and is found where no directory is open", () => {
	const root = directory("/");
	const table = new DescriptorTable(new Map([[3, root]]));
	for (let i = 0; i < 3; i++) table.add(open());
	expect(table.get(3)).toBe(root);
	expect(table.close(3)).toBe(EBADF);
	const file = open();
	expect(table.add(file)).toBe(3);
	expect([table.get(3), table.directory(3)]).toEqual([file, root]);
	const other = directory("/tmp");
	table.addAt(3, other);
	expect(table.directory(3)).toBe(other);
	expect([...table.files()]).not.toContain(root);
});

test("two tables exchange all they have", () => {
	const one = new DescriptorTable(new Map());
	const two = new DescriptorTable(new Map());
	const file = open();
	one.addAt(4, file);
	one.setCloseOnExec(4, true);
	one.exchange(two);
	expect([one.file(4), two.file(4)]).toEqual([undefined, file]);
	expect([one.isClosedOnExec(4), two.isClosedOnExec(4)]).toEqual([false, true]);
	expect(file.uses).toBe(1);
});
