import { expect, test } from "vitest";
import { EIO, ENOENT } from "../abi/errno.ts";
import { LocalTicket } from "./ticket.ts";

/** Watchers that write their names into a list. */
function witnesses(): { seen: string[]; named: (name: string) => () => void } {
	const seen: string[] = [];
	return { seen, named: (name) => () => seen.push(name) };
}

test("an answer wakes all who watch, once and in order", () => {
	const { seen, named } = witnesses();
	const ticket = new LocalTicket<string>();
	for (const name of ["a", "b", "c"]) ticket.watch(named(name));
	expect(ticket).toMatchObject({ done: false, value: undefined, error: 0 });
	ticket.answer("yes");
	ticket.answer("again");
	expect(seen).toEqual(["a", "b", "c"]);
	expect(ticket).toMatchObject({ done: true, error: 0 });
});

test("the first answer counts", () => {
	const answered = new LocalTicket<string>();
	answered.answer("first");
	answered.answer("second");
	answered.fail(EIO);
	expect(answered).toMatchObject({ done: true, value: "first", error: 0 });
	const failed = new LocalTicket<string>();
	failed.fail(ENOENT);
	failed.answer("late");
	failed.fail(EIO);
	expect(failed).toMatchObject({ done: true, value: undefined, error: ENOENT });
});

test("who watches a ticket that is done is woken at once", () => {
	const { seen, named } = witnesses();
	const ticket = new LocalTicket<void>();
	ticket.fail(EIO);
	ticket.watch(named("late"));
	expect(seen).toEqual(["late"]);
});

test("who no longer watches is not woken, first or later", () => {
	const { seen, named } = witnesses();
	const ticket = new LocalTicket<void>();
	const [a, b, c, d] = ["a", "b", "c", "d"].map(named) as [() => void, ...(() => void)[]];
	for (const wake of [a, b, c] as (() => void)[]) ticket.watch(wake);
	ticket.unwatch(a);
	ticket.unwatch(b as () => void);
	ticket.unwatch(named("a stranger"));
	ticket.watch(d as () => void);
	ticket.answer();
	expect(seen.sort()).toEqual(["c", "d"]);
});

test("the same watcher twice, and one that stops another while it is woken", () => {
	const { seen, named } = witnesses();
	const ticket = new LocalTicket<void>();
	const second = named("second");
	const first = () => {
		seen.push("first");
		ticket.unwatch(second);
	};
	ticket.watch(first);
	ticket.watch(second);
	ticket.answer();
	expect(seen).toContain("first");
	expect(seen.length).toBeLessThanOrEqual(2);
});

test("a watcher sees the answer and may watch again", () => {
	const ticket = new LocalTicket<number>();
	const values: (number | undefined)[] = [];
	ticket.watch(() => {
		values.push(ticket.value);
		ticket.watch(() => values.push(ticket.value));
	});
	ticket.answer(7);
	expect(values).toEqual([7, 7]);
});
