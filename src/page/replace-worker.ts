/**
 * A worker is replaced: it is ended, and with it every guest, and the sandbox is made again in a new one. Few
 * workers are, so this is loaded late.
 */
import type { PortholeError } from "../abi/error.ts";
import type { WireStatus } from "../protocol/sandbox.ts";
import { type Connection, closedError } from "./connection.ts";
import type { ProcessEnd } from "./process-handle.ts";
import type { WorkerLife } from "./worker-life.ts";

/** Milliseconds in which all messages that the worker has sent arrive. */
const ARRIVAL = 10;
/** Milliseconds of silence after which the end of a worker no longer waits for a directory that is still
 *  writing; the directory goes on by itself. */
const SILENCE = 2000;

/** How a guest ends that shared its worker with a guest that had to be ended. */
const REPLACED: WireStatus = { code: 137, signal: "SIGKILL", reason: "replaced", lost: true };

/** Where the worker is ended because of a guest, the `guilty` one ends by its `signal` and the others with
 *  it; where the worker has failed, all fail with `error`. */
export async function replaceWorker(
	life: WorkerLife,
	error: PortholeError,
	guilty: ProcessEnd | undefined,
	signal: WireStatus | undefined,
): Promise<void> {
	const connection = await life.connection;
	// The worker has been replaced meanwhile, because of another guest.
	if (guilty?.over) return;
	const ending = end(life, connection, life.isClosing ? closedError() : error);
	// A sandbox that is being closed needs no other: there is nothing left to sync in this one.
	life.connection = ending.then(() => {
		if (life.isClosing) throw error;
		return life.connect();
	});
	life.connection.catch((why) => {
		for (const process of life.running.values()) process.fail(why);
		life.running.clear();
	});
	await ending;
	// Bytes that the old worker had not sent are lost, and no others are on their way.
	for (const [path, bytes] of life.pending) {
		life.pending.delete(path);
		if (bytes > 0) life.emit({ type: "mountpending", detail: { path, bytes: 0 } });
	}
	const ended = [...life.running.keys()];
	for (const process of life.running.values()) {
		if (process === guilty && signal) process.finish({ ...signal, lost: true });
		else if (guilty) process.finish(REPLACED);
		else process.fail(error);
	}
	life.running.clear();
	life.emit({ type: "workerreplaced", detail: { guilty: guilty?.pid ?? 0, ended } });
}

/** Ends a worker once all messages that it has sent have arrived, and waits until the mounted directories
 *  have made the changes. Changes that the worker has not sent are lost. */
async function end(life: WorkerLife, connection: Connection, error: PortholeError): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, ARRIVAL));
	connection.end(error);
	const { lines } = life.remoteObjects;
	if (lines.length > 0) await (await import("./batch-runner.ts")).allIdle(lines, SILENCE);
}
