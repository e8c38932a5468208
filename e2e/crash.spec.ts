/**
 * Directories that last, and a browser that is killed at random moments.
 *
 * A random workload is made up here, as a list of steps, and run in the page; the page tells when a
 * sync has been answered. Then the browser is killed, or the process of the page. What the next page
 * finds must be what some prefix of the steps leaves, one that contains all that was synced: every
 * synced byte is there, nothing is half renamed, no file holds what it never held.
 *
 * A store that does not keep the order of changes (`ordered: false`) is held to less: what was synced
 * and has not been touched since is there, to the byte, and a file that has only been moved is whole
 * at one of its names.
 *
 * PORTHOLE_KILLS says how often, one in five times the whole browser; `npm run test:all` kills more often.
 *
 * And then with programs that people run: Python writes notes and SQLite commits rows, both at once,
 * until the whole browser is killed. What they were told is safe has to be there.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, type Page, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { crash, Killable } from "./killable.ts";
import { Model, teach, work } from "./workload.ts";

const KILLS = Number(env.PORTHOLE_KILLS ?? 5);
/** Steps that a page is given; more than it can do before it is killed. */
const STEPS = 1500;

interface Kind {
	readonly name: string;
	/** In the page. */
	readonly open: () => Porthole.Directory;
	readonly ordered: boolean;
}

const kinds: readonly Kind[] = [
	{ name: "IndexedDB", open: () => new porthole.IndexedDBDirectory("crash"), ordered: true },
	{ name: "OPFS", open: () => new porthole.OPFSDirectory("crash"), ordered: false },
];

/** How often the browser is killed under programs. */
const PROGRAM_KILLS = Math.ceil(KILLS / 5);

// Other dice prove nothing.
test.describe.configure({ retries: 0 });

let browser: Killable;

test.beforeEach(() => {
	browser = new Killable();
});

test.afterEach(() => browser.end());

for (const { name, open, ordered } of kinds) {
	test(`${name}: what was synced is there, and nothing is half done, however often the browser is killed`, async ({
		baseURL,
	}) => {
		test.setTimeout(60_000 + KILLS * 10_000);
		const seed = Math.floor(Math.random() * 2 ** 31);
		const model = new Model(seed);
		await browser.start();
		let done = 0;
		for (let round = 0; round < KILLS; round++) {
			const page = await browser.open(baseURL ?? "");
			await teach(page, open, model);
			const found = await page.evaluate(() => treeOf(openStore(), ""));
			expect(model.explain(found, ordered), `seed ${seed}, round ${round}`).toBeNull();
			done += model.reached;
			await work(page, model.plan(found, STEPS));
			await sleep(Math.random() * 400);
			expect(model.failure, `seed ${seed}, round ${round}`).toBeNull();
			if (round % 5 > 0) await crash(page);
			else {
				await browser.kill();
				await browser.start();
			}
		}
		// Most rounds get somewhere before they are killed.
		expect(done).toBeGreaterThan(KILLS);
	});
}

declare global {
	/** A program has been told that this note, or this row, is safe. */
	function safe(what: "note" | "row", index: number): Promise<void>;
}

/** Writes notes: each into a file of its own, as a line of a log and as a row of a database, and says
 *  when they are safe. Without locks: where SQLite has none of the system's it makes a directory instead,
 *  which outlives a program that was killed. */
const WRITE = `import os, sqlite3
os.makedirs("notes", exist_ok=True)
log = open("log.txt", "a")
book = sqlite3.connect("file:book.db?vfs=unix-none", uri=True)
book.execute("pragma journal_mode = truncate")
book.execute("create table if not exists t (id integer primary key, text text)")
n = len(open("log.txt").readlines())
while True:
    with open(f"notes/{n}.txt", "w") as note:
        note.write(f"note {n} " * (n % 700 + 1))
        note.flush()
        os.fsync(note.fileno())
    log.write(f"{n}\\n")
    log.flush()
    os.fsync(log.fileno())
    book.execute("insert or replace into t values (?, ?)", (n, f"note {n} " * (n % 700)))
    book.commit()
    print(n, flush=True)
    n += 1
`;

/** Tells what is there: how many notes are whole from the first on, lines of the log, rows. */
const LOOK = `import json, os, sqlite3
found = {"whole": 0, "notes": 0, "log": 0}
if os.path.exists("notes"):
    found["notes"] = len(os.listdir("notes"))
    whole = lambda n: open(f"notes/{n}.txt").read() == f"note {n} " * (n % 700 + 1)
    while os.path.exists(f"notes/{found['whole']}.txt") and whole(found["whole"]):
        found["whole"] += 1
    lines = open("log.txt").read().split("\\n")
    while f"{found['log']}" in lines:
        found["log"] += 1
for name in ["book", "rows"]:
    found[name] = [["ok"], 0, 0]
    if os.path.exists(name + ".db"):
        db = sqlite3.connect(f"file:{name}.db?vfs=unix-none", uri=True)
        check = [row[0] for row in db.execute("pragma integrity_check")]
        found[name] = [check, *db.execute("select count(*), ifnull(max(id), 0) from t").fetchone()]
print(json.dumps(found))
`;

interface Found {
	readonly whole: number;
	readonly notes: number;
	readonly log: number;
	readonly book: readonly [check: readonly string[], count: number, last: number];
	readonly rows: readonly [check: readonly string[], count: number, last: number];
}

/** For the SQLite shell, which commits a row at a time. */
const ROWS = `create table if not exists t (id integer primary key, text text);
${"insert into t (text) values (hex(randomblob(300)));\nselect max(id) from t;\n".repeat(3000)}`;

async function look(page: Page): Promise<Found> {
	const ran = await page.evaluate(async (program) => {
		const packages = ["/packages/python.webc"];
		const sandbox = await porthole.Sandbox.create({ packages, mounts: { "/data": openStore() } });
		const ran = await py(sandbox, program, { currentDir: "/data" });
		await sandbox.close();
		return ran;
	}, LOOK);
	expect(ran).toMatchObject({ code: 0, err: "" });
	return JSON.parse(ran.out) as Found;
}

/** Starts both programs, which run until the browser is killed. */
function start(page: Page): Promise<void> {
	const programs = { script: ROWS, write: WRITE };
	return page.evaluate(async ({ script, write }) => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc", "/packages/sqlite.webc"],
			mounts: { "/data": openStore() },
			files: { "/script": script },
		});
		const python = sandbox.command("python", ["-c", write], { currentDir: "/data" });
		const sqlite = sandbox.command("sqlite", ["/data/rows.db", ".read /script"]);
		const follow = async (what: "note" | "row", next: () => Promise<string>) => {
			for (let line = await next(); line !== ""; line = await next()) {
				await safe(what, Number(line));
			}
		};
		follow("note", lines((await python.spawn()).stdout));
		follow("row", lines((await sqlite.spawn()).stdout));
	}, programs);
}

/** What the programs were told is safe is there. */
function check(found: Found, told: { readonly note: number; readonly row: number }): void {
	expect(found.whole).toBeGreaterThan(told.note);
	// One that was being written may be there in part.
	expect(found.notes - found.whole).toBeLessThanOrEqual(1);
	expect(found.log).toBeGreaterThan(told.note);
	expect(found.book[0]).toEqual(["ok"]);
	expect(found.book[2]).toBeGreaterThanOrEqual(told.note);
	expect(found.rows[0]).toEqual(["ok"]);
	expect(found.rows[1]).toBe(found.rows[2]);
	// Where the journal is removed SQLite does not wait until that is safe; the next row does.
	expect(found.rows[1]).toBeGreaterThanOrEqual(told.row - 1);
}

for (const { name, open } of kinds) {
	test(`${name}: notes of Python and rows of SQLite are there after the browser was killed`, async ({
		baseURL,
	}) => {
		test.setTimeout(60_000 + PROGRAM_KILLS * 30_000);
		await browser.start();
		const told = { note: -1, row: 0 };
		for (let round = 0; round <= PROGRAM_KILLS; round++) {
			const page = await browser.open(baseURL ?? "");
			await page.evaluate(`globalThis.openStore = ${open}`);
			if (round > 0) check(await look(page), told);
			if (round === PROGRAM_KILLS) break;
			const before = { ...told };
			await page.exposeFunction("safe", (what: "note" | "row", index: number) => {
				told[what] = index;
			});
			await start(page);
			const both = () => told.note > before.note + 1 && told.row > before.row + 2;
			await expect.poll(both, { timeout: 60_000, intervals: [20] }).toBe(true);
			await sleep(Math.random() * 1000);
			await browser.kill();
			await browser.start();
		}
		expect(told.row).toBeGreaterThan(2 * PROGRAM_KILLS);
	});
}
