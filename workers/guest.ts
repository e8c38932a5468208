/** The worker of a sandbox: its kernel, on the worker's own channel. */
import { type Scope, serve } from "../src/runner/kernel.ts";

// The type of a worker's global scope and that of a page's exclude each other in one program.
serve(globalThis as unknown as Scope);
