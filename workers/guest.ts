/**
 * The one script of all workers. The name that a worker was given says what it is to be; most are the
 * kernel of a sandbox, on the worker's own channel.
 */
import type { Role } from "../src/bridge/make-worker.ts";
import { serve } from "../src/kernel/kernel.ts";
import type { WorkerScope } from "../src/protocol/sandbox.ts";

// The type of a worker's global scope and that of a page's exclude each other in one program.
const scope = globalThis as unknown as WorkerScope & { readonly name: Role };
if (scope.name === "porthole-stores") {
	import("../src/handles/opfs-worker.ts").then(({ serveStores }) => serveStores(scope));
} else if (scope.name === "porthole-guest") {
	import("../src/guestworker/guest.ts").then(({ serveGuest }) => serveGuest(scope));
} else serve(scope);
