import { describe, expect, test } from "vitest";
import { Session, transcript } from "./transcript.testkit.ts";

describe("proc_exit", () => {
	test.each([0, 1, 42, 255, 256, 2 ** 31 - 1, 2 ** 32 - 1])("%d", (code) => {
		transcript(`proc_exit ${code} = ended ${code}`);
	});

	test("the first ending counts", () => {
		transcript(`
			proc_exit 3  = ended 3
			proc_exit 4  = ended 3
			proc_raise 9 = ended 3
		`);
	});
});

describe("proc_raise", () => {
	test.each<[number, string]>([
		[0, "ok"],
		[1, "ended 129 SIGHUP"],
		[2, "ended 130 SIGINT"],
		[6, "ended 134 SIGABRT"],
		[9, "ended 137 SIGKILL"],
		[11, "ended 139 SIGSEGV"],
		[13, "ended 141 SIGPIPE"],
		[15, "ended 143 SIGTERM"],
		[16, "ok"],
		[18, "ok"],
		[27, "ok"],
		[31, "EINVAL"],
		[255, "EINVAL"],
		[-1, "EINVAL"],
	])("signal %d: %s", (signal, answer) => {
		transcript(`proc_raise ${signal} = ${answer}`);
	});

	test("every signal does something that is defined", () => {
		for (let signal = 0; signal < 31; signal++) {
			const answer = new Session().line(`proc_raise ${signal}`).split(" = ")[1];
			expect(answer).toMatch(/^(ok|ENOSYS|ended 1\d\d SIG[A-Z0-9]+)$/);
		}
	});
});

describe("sched_yield", () => {
	test("gives way once per call", () => {
		const session = new Session();
		transcript("sched_yield = ok", session);
		expect(session.bridge.waits).toBe(1);
		transcript("sched_yield = ok", session);
		expect(session.bridge.waits).toBe(2);
	});

	test("is when a guest is killed", () => {
		transcript(`
			kill later
			sched_yield = ended 137 SIGKILL
		`);
	});
});
