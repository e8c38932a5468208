import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["src/**/*.test.ts"],
		// Conformance suites over slow stores take a second or two when the machine is busy.
		testTimeout: 20_000,
	},
});
