/**
 * A directory that runs full: the browser is told to grant little.
 *
 * The bytes are random, for it compresses. And they are as many as it keeps in files of their own: the
 * space of a small record is free again only when its database has been tidied up.
 */
import { expect, type Page, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { Killable } from "./killable.ts";
import { fresh as privately } from "./library.ts";

interface Kind {
	readonly name: string;
	/** In the page. */
	readonly open: () => Porthole.Directory;
	/** Bytes. */
	readonly quota: number;
}

const kinds: readonly Kind[] = [
	{
		name: "IndexedDB",
		open: () => new porthole.IndexedDBDirectory("quota"),
		quota: 5_000_000,
	},
	{
		name: "OPFS",
		open: () => new porthole.OPFSDirectory("quota"),
		// For each file that is held open the browser sets a megabyte aside.
		quota: 40_000_000,
	},
];

declare global {
	function openStore(): Porthole.Store;
}

let browser: Killable;

test.beforeEach(async () => {
	browser = new Killable();
	await browser.start();
});

test.afterEach(() => browser.end());

async function start(origin: string, { open, quota }: Kind): Promise<Page> {
	const page = await browser.open(origin);
	await page.evaluate(`globalThis.openStore = ${open}`);
	const session = await page.context().newCDPSession(page);
	await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: quota });
	return page;
}

for (const kind of kinds) {
	const { name } = kind;
	test(`${name}: no space is ENOSPC, what was synced is there, and what is removed makes room`, async ({
		baseURL,
	}) => {
		const page = await start(baseURL ?? "", kind);
		const found = await page.evaluate(async () => {
			const random = () => {
				const bytes = new Uint8Array(100_000);
				crypto.getRandomValues(bytes.subarray(0, 60_000));
				crypto.getRandomValues(bytes.subarray(60_000));
				return bytes;
			};
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": openStore() } });
			const put = async (path: string, bytes: Uint8Array) => {
				await sandbox.fs.writeFile(path, bytes);
				await sandbox.sync();
			};
			const kept: Uint8Array[] = [];
			let error: unknown = null;
			while (error === null && kept.length < 500) {
				const bytes = random();
				await put(`/d/${kept.length}`, bytes).then(
					() => kept.push(bytes),
					(thrown) => {
						error = thrown;
					},
				);
			}
			const wrong = async () => {
				const store = openStore();
				let wrong = 0;
				for (const [i, bytes] of kept.entries()) {
					const read = await store.read(`/${i}`, 0, 200_000);
					if (bytes.length > 0 && `${read}` !== `${bytes}`) wrong++;
				}
				return wrong;
			};
			const wrongWhenFull = await wrong();
			for (let i = 0; i < 10; i++) {
				await sandbox.fs.rm(`/d/${i}`);
				kept[i] = new Uint8Array(0);
			}
			// What had no room is still here, and goes to the store now.
			await sandbox.sync();
			const late = (await openStore().read(`/${kept.length}`, 0, 200_000)).length;
			for (let i = 0; i < 5; i++) {
				const bytes = random();
				await put(`/d/${i}`, bytes);
				kept[i] = bytes;
			}
			for (let i = 5; i < 10; i++) await put(`/d/${i}`, new Uint8Array(0));
			const { code, message } = error as Porthole.PortholeError;
			return { code, message, wrongWhenFull, late, count: kept.length, wrong: await wrong() };
		});
		expect(found).toMatchObject({ code: "ENOSPC", wrongWhenFull: 0, late: 100_000, wrong: 0 });
		expect(found.count).toBeGreaterThan(20);
	});

	test(`${name}: a program is told by fsync`, async ({ baseURL }) => {
		const page = await start(baseURL ?? "", kind);
		const ran = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/d": openStore() },
			});
			return py(
				sandbox,
				`import os, errno
names = []
try:
    while len(names) < 200:
        name = f"/d/{len(names)}"
        with open(name, "wb") as f:
            f.write(os.urandom(100_000))
            f.flush()
            os.fsync(f.fileno())
        names.append(name)
except OSError as error:
    print(errno.errorcode[error.errno], len(names) > 10)
for name in names[:10]:
    os.remove(name)
with open("/d/more", "wb") as f:
    f.write(os.urandom(100_000))
    f.flush()
    os.fsync(f.fileno())
print(os.path.getsize("/d/more"))
`,
			);
		});
		expect(ran).toMatchObject({ code: 0, out: "ENOSPC True\n100000\n", err: "" });
	});
}

privately(
	"OPFS in a private window: what sync has answered for is there when the space is used up",
	async ({ page, baseURL }) => {
		const session = await page.context().newCDPSession(page);
		await session.send("Storage.overrideQuotaForOrigin", {
			origin: baseURL ?? "",
			quotaSize: 30_000_000,
		});
		const found = await page.evaluate(async () => {
			const open = () => new porthole.OPFSDirectory("private");
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": open() } });
			let synced = 0;
			let code = "";
			for (let size = 1_000_000; code === "" && size < 60_000_000; size += 1_000_000) {
				await sandbox.fs.appendFile("/d/f", new Uint8Array(1_000_000).fill(7));
				await sandbox.sync().then(
					() => {
						synced = size;
					},
					(error: Porthole.PortholeError) => {
						code = error.code;
					},
				);
			}
			const [listed] = await open().list("/");
			const stored = await open().read("/f", 0, 100_000_000);
			// Parts of the last write may have had room.
			const kept = stored.length >= synced && stored.length === listed?.size;
			await sandbox.fs.rm("/d/f");
			await sandbox.close();
			return { code, some: synced > 1_000_000, kept, right: stored.every((byte) => byte === 7) };
		});
		expect(found).toEqual({ code: "ENOSPC", some: true, kept: true, right: true });
	},
);
