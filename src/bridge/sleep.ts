/**
 * Sleeping in a worker, without the event loop.
 *
 * `Atomics.wait` with a timeout sleeps exactly, and takes shared memory that nobody else needs to
 * see. Pages that are not isolated have no SharedArrayBuffer by name, but a shared WebAssembly.Memory
 * can be made anywhere; only posting it is forbidden. Where even that is missing the thread spins.
 */
let cell: Int32Array | null | undefined;

/** Returns after so many milliseconds; at once for what is not above 0. */
export function sleep(ms: number): void {
	const end = performance.now() + ms;
	if (cell === undefined) cell = makeCell();
	for (let left = ms; left > 0; left = end - performance.now()) {
		if (cell !== null) Atomics.wait(cell, 0, 0, left);
	}
}

function makeCell(): Int32Array | null {
	try {
		return new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
	} catch {
		return null;
	}
}
