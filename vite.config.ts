/**
 * The playground page, served while developing (`npm start`) and built into `site/`.
 *
 * The library itself is built by `scripts/build.ts`; this page imports its source. Paths are
 * relative, so that the built page works under any address.
 */
import { defineConfig } from "vite";

export default defineConfig({
	base: "./",
	build: {
		outDir: "site",
		target: "es2023",
		sourcemap: true,
		reportCompressedSize: false,
	},
	worker: { format: "es" },
	server: { port: 5173, strictPort: false },
	clearScreen: false,
});
