import { beforeEach, expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { RemoteObjects } from "../bridge/far.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { type MountServices, wireMounts } from "./lend-store.ts";
import type { Mounts } from "./options.ts";
import { StoreErrors } from "./store-errors.ts";

let told: string[] = [];
let remoteObjects: RemoteObjects;
let services: MountServices;

beforeEach(() => {
	told = [];
	remoteObjects = new RemoteObjects();
	services = {
		remoteObjects,
		workerUrl: undefined,
		storeErrors: new StoreErrors(),
		changed: (store, paths) => told.push(`changed ${store} ${paths}`),
		conflict: (path, kept) => told.push(`conflict ${path} ${kept}`),
		damaged: (path, error) => told.push(`damaged ${path} ${error.code}`),
	};
});

/** A store with something strange in it. */
function storeWith(strange: object): Store {
	return Object.defineProperties(new MemoryStore(), Object.getOwnPropertyDescriptors(strange));
}

const wire = (...stores: Store[]) => {
	const mounts: Mounts = Object.fromEntries(stores.map((store, i) => [`/${i}`, store]));
	return wireMounts(mounts, services);
};

function thrownBy(work: () => unknown): PortholeError {
	try {
		work();
	} catch (error) {
		expect(error).toBeInstanceOf(PortholeError);
		return error as PortholeError;
	}
	throw new Error("nothing was thrown");
}

/** A store that notes when its watch is stopped. */
const watched = (name: string) => storeWith({ watch: () => () => told.push(`stopped ${name}`) });

/** Something that throws whatever is done with it. */
const hostile = new Proxy(
	{},
	{
		get: () => {
			throw new Error("hostile");
		},
		getPrototypeOf: () => {
			throw new Error("hostile");
		},
	},
);

const settled = () => new Promise((resolve) => setTimeout(resolve));

test.each<[string, unknown, string]>([
	["an Error", new Error("no channel"), "EIO"],
	["an Error with a code", Object.assign(new Error("locked"), { code: "EACCES" }), "EACCES"],
	["a text", "no channel", "EIO"],
	["nothing", undefined, "EIO"],
	["what cannot be a text", Object.create(null), "EIO"],
	["what throws itself", hostile, "EIO"],
])(
	"a watch that throws %s is a PortholeError that names the mount; none stays lent",
	async (_, thrown, code) => {
		const broken = storeWith({
			watch() {
				throw thrown;
			},
		});
		const error = thrownBy(() => wire(watched("0"), broken));
		expect(error.code).toBe(code);
		expect(error.message).toContain("/1");
		expect(error.cause).toBe(thrown);
		await settled();
		expect(told).toEqual(["stopped 0"]);
		await expect(remoteObjects.ask(1, "list", ["/"])).rejects.toMatchObject({ code: "ESTALE" });
		await expect(remoteObjects.ask(2, "list", ["/"])).rejects.toMatchObject({ code: "ESTALE" });
	},
);

test.each<[string, unknown]>([
	["nothing", undefined],
	["null", null],
	["a number", 7],
	["an object", {}],
	["what throws", hostile],
	[
		"a function that throws",
		() => {
			throw new Error("no");
		},
	],
	["a function that rejects", () => Promise.reject(new Error("no"))],
	["a promise of what is no function", Promise.resolve(7)],
	["a promise that never settles", new Promise(() => {})],
])("a watch that returns %s keeps no mount from being given back", async (_, returned) => {
	wire(watched("0"), storeWith({ watch: () => returned }), watched("2"));
	remoteObjects.releaseAll();
	await settled();
	expect(told).toEqual(expect.arrayContaining(["stopped 0", "stopped 2"]));
});

test("a watch that is asynchronous is stopped, and told where it fails", async () => {
	const late = storeWith({ watch: async () => () => told.push("stopped late") });
	const broken = storeWith({ watch: () => Promise.reject(new Error("no")) });
	wire(late, broken);
	remoteObjects.releaseAll();
	await settled();
	expect(told.toSorted()).toEqual(["damaged /1 EIO", "stopped late"]);
});

test("what a watch tells at once, and what makes no sense, is heard", () => {
	const store = storeWith({
		watch(
			heard: (paths: unknown) => void,
			conflicted: (path: unknown, kept: unknown) => void,
			damaged: (path: unknown, error: unknown) => void,
		) {
			heard(["/a"]);
			for (const paths of ["/a", undefined, [1], hostile]) heard(paths);
			conflicted("/a", "/b");
			conflicted(undefined, 7);
			damaged("/a", hostile);
			damaged(undefined, undefined);
			return () => {};
		},
	});
	wire(store);
	expect(told).toEqual([
		"changed 1 /a",
		...Array(4).fill("changed 1 /"),
		"conflict /0/a /0/b",
		"changed 1 /b",
		"changed 1 /",
		"damaged /0/a EIO",
		"changed 1 /a",
		"damaged /0 EIO",
		"changed 1 /",
	]);
});

test.each<[string, unknown]>([
	["null", null],
	["a text", "short"],
	["a longest that is none", { longest: Number.NaN }],
	["a longest of nothing", { longest: -1 }],
	["a longest as text", { longest: "8" }],
	["refused as text", { refused: "[a-z]" }],
	["refused as a function", { refused: () => true }],
])("names: %s is an invalid option", (_, names) => {
	const error = thrownBy(() => wire(storeWith({ names })));
	expect(error).toMatchObject({ code: "invalid-option" });
	expect(error.message).toContain("/0 has `names`");
});

test.each([Number.NaN, -1, "7", null])("a largest of %s is an invalid option", (largest) => {
	expect(thrownBy(() => wire(storeWith({ largest })))).toMatchObject({ code: "invalid-option" });
});

test("of names, only the rules are posted", () => {
	const names = { longest: 8, refused: /x/, why: () => "for fun" };
	expect(wire(storeWith({ names }))[0]?.names).toEqual({ longest: 8, refused: /x/ });
});

test.each(["names", "changes", "watch", "list", "apply", "sync", "readOnly"])(
	"a getter of %s that throws is an invalid option",
	(name) => {
		const strange = Object.defineProperty({}, name, {
			get() {
				throw hostile;
			},
			enumerable: true,
		});
		expect(thrownBy(() => wire(storeWith(strange)))).toMatchObject({ code: "invalid-option" });
	},
);

test("an optional method that is none is not there", () => {
	const store = storeWith({ apply: 7, sync: null, preserve: "yes", watch: undefined });
	expect(wire(store)[0]?.extras).toEqual(["symlink", "link", "utimes"]);
});

test("a timeout is the mount's, or the directory's, and one that is none an invalid option", () => {
	const directory = storeWith({ timeout: 5 });
	const mounts = { "/a": directory, "/b": { directory, timeout: 7 }, "/c": new MemoryStore() };
	const wired = wireMounts(mounts, services);
	expect(wired.map(({ timeout }) => timeout)).toEqual([5, 7, undefined]);
	for (const timeout of [0, -1, Number.NaN, "7"]) {
		const error = thrownBy(() => wire(storeWith({ timeout })));
		expect(error).toMatchObject({ code: "invalid-option" });
	}
	const [forever] = wire(storeWith({ timeout: Number.POSITIVE_INFINITY }));
	expect(forever?.timeout).toBe(2 ** 31 - 1);
});
