import { describe, expect, test } from "vitest";
import { pipe } from "../fs/pipe.ts";
import { OpenFile } from "../process/descriptors.ts";
import { Session, transcript } from "./transcript.testkit.ts";

describe.each([
	["preview1", false],
	["snapshot 0", true],
])("poll_oneoff of %s", (_name, snapshot0) => {
	const world = { snapshot0, files: { f: "abc" } };

	test("waits for the nearest clock", () => {
		transcript(
			`
			poll_oneoff clock:5ms                       = 0:clock after 5ms
			poll_oneoff clock:9ms clock:3ms clock:7ms   = 1:clock after 3ms
			poll_oneoff clock:2ms clock:2ms             = 0:clock 1:clock after 2ms
			poll_oneoff clock:0ms                       = 0:clock
			poll_oneoff clock:0ms clock:1ms             = 0:clock
			poll_oneoff realtime:4ms                    = 0:clock after 4ms
			poll_oneoff clock:0.25ms                    = 0:clock after 0.25ms
			poll_oneoff cpu:4ms                         = 0:clock after 4ms
			poll_oneoff nonsense:4ms                    = 0:clock EINVAL
			poll_oneoff nonsense:4ms clock:1ms          = 0:clock EINVAL
			`,
			world,
		);
	});

	test("until a moment, which may have passed", () => {
		transcript(
			`
			poll_oneoff clock-at:1004ms               = 0:clock after 4ms
			poll_oneoff clock-at:1ms                  = 0:clock
			poll_oneoff clock-at:1004ms               = 0:clock
			poll_oneoff realtime-at:1700000001010ms   = 0:clock after 6ms
			poll_oneoff realtime-at:0ms               = 0:clock
			poll_oneoff cpu-at:1ms                    = 0:clock ENOTSUP
			`,
			world,
		);
	});

	test("for a descriptor or a clock, whichever is first", () => {
		transcript(
			`
			poll_oneoff clock:5ms read:0     = 0:clock after 5ms
			type later "abc"
			poll_oneoff clock:5ms read:0     = 1:read(3)
			poll_oneoff read:0               = 0:read(3)
			poll_oneoff read:0 write:1       = 0:read(3) 1:write(65536)
			fd_read 0 9                      = "abc"
			poll_oneoff read:0 write:1       = 1:write(65536)
			type later "x"
			poll_oneoff read:0               = 0:read(1)
			fd_read 0 9                      = "x"
			hangup later
			poll_oneoff read:0               = 0:read(0)hangup
			poll_oneoff read:0 clock:1ms     = 0:read(0)hangup
			`,
			world,
		);
	});

	test("for files, which are always ready", () => {
		transcript(
			`
			path_open 3 0 "f"                = 4
			poll_oneoff read:4 write:4       = 0:read(3) 1:write(65536)
			fd_read 4 2                      = "ab"
			poll_oneoff read:4               = 0:read(1)
			`,
			world,
		);
	});

	test("tells of each descriptor what is wrong with it", () => {
		transcript(
			`
			poll_oneoff read:9 read:3 clock:5ms = 0:read EBADF 1:read EBADF
			poll_oneoff write:-1                = 0:write EBADF
			path_open 3 0 "f" 0 fd_read         = 4
			poll_oneoff read:4                  = 0:read ENOTCAPABLE
			poll_oneoff tag:3                   = EINVAL
			poll_oneoff clock:5ms tag:255       = EINVAL
			poll_oneoff                         = EINVAL
			poll_oneoff clock:5ms               = 0:clock after 5ms
			`,
			world,
		);
	});
});

describe("a deadline", () => {
	test("is kept when the call runs again for something else", () => {
		const session = new Session();
		const { bridge } = session;
		const { reader, writer } = pipe(bridge, 8192);
		session.thread.process.descriptors.add(new OpenFile(reader, 0, -1, 0));
		session.thread.process.descriptors.add(new OpenFile(writer, 0, -1, 0));
		// Somebody else reads what arrives before the guest has looked.
		for (let i = 0; i < 3; i++) {
			bridge.events.push(() => {
				bridge.now += 2;
				writer.write(new Uint8Array(1), 0, 1, 0);
				reader.read(new Uint8Array(1), 0, 1, 0);
			});
		}
		transcript("poll_oneoff clock:10ms read:4 = 0:clock after 10ms", session);
		expect(bridge.waits).toBe(4);
		expect(new Set(bridge.asked)).toEqual(new Set([1010]));
		// The next call counts anew.
		transcript("poll_oneoff clock:10ms read:4 = 0:clock after 10ms", session);
	});

	test("counts anew after a call that failed", () => {
		transcript(`
			poll_oneoff clock:10ms tag:9  = EINVAL
			clock 50
			poll_oneoff clock:10ms        = 0:clock after 10ms
		`);
	});

	test("is asked for once, however often the call runs again", () => {
		const session = new Session();
		const { bridge } = session;
		transcript("poll_oneoff clock:10ms clock:20ms read:0 = 0:clock after 10ms", session);
		expect(bridge.asked).toEqual([1010]);
	});

	test("that is further away than a number is exact", () => {
		const session = new Session();
		const view = new DataView(session.wasm.buffer);
		view.setUint8(1024 + 8, 0);
		view.setUint32(1024 + 16, 1, true);
		view.setBigUint64(1024 + 24, 2n ** 64n - 1n, true);
		session.bridge.events.push(() => session.thread.process.end({ code: 1 }));
		expect(() => session.calls.poll_oneoff?.(1024, 2048, 1, 512)).toThrow(WebAssembly.RuntimeError);
		expect(session.bridge.asked.every((time) => Number.isFinite(time) && time > 1e12)).toBe(true);
	});

	test("an absolute one of the real clock follows the clock when it is put forward", () => {
		const session = new Session();
		transcript("poll_oneoff realtime-at:1700000001005ms = 0:clock after 5ms", session);
	});
});

test("nothing to wait for but the end: the guest waits until it is killed", () => {
	transcript(`
		kill later
		poll_oneoff read:0 = ended 137 SIGKILL
	`);
});

test("events are whole: what was in memory before does not show", () => {
	const session = new Session();
	session.bytes.fill(0xff);
	const view = new DataView(session.wasm.buffer);
	new Uint8Array(session.wasm.buffer, 1024, 48).fill(0);
	view.setUint32(1024 + 16, 1, true);
	session.calls.poll_oneoff?.(1024, 2048, 1, 512);
	expect([...session.bytes.subarray(2048, 2080)]).toEqual(new Array(32).fill(0));
	expect(session.bytes[2080]).toBe(0xff);
	expect(view.getUint32(512, true)).toBe(1);
});
