import { env } from "node:process";
import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["src/**/*.test.ts"],
		// Conformance suites over slow stores take a second or two when the machine is busy.
		// A hunt plays each random test for as long as it is told to: see `scripts/hunt.ts`.
		testTimeout: 60_000 + 2000 * Number(env.HUNT_SECONDS ?? 0),
	},
});
