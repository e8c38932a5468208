/**
 * The standard streams of a child that the first form of `proc_spawn` starts: each by a mode, and a record of what the
 * parent keeps of them.
 *
 * Source: wasix-runner.md 3.7, 6.4 (process_handles).
 */
import { RIGHTS_STREAM } from "../abi/constants.ts";
import { type Done, EINVAL } from "../abi/errno.ts";
import { NullDevice } from "../fs/devices.ts";
import { duplex } from "../fs/pipe.ts";
import { OpenFile } from "../process/descriptors.ts";
import type { WasixProcess } from "./process.ts";

const PIPED = 0;
const INHERITED = 1;
const NOTHING = 2;
/** What the host would write into its log: here, where errors go. */
const LOGGED = 3;

/** Gives `child` its three streams. `ends` gets the parent's descriptor for each that is piped, -1 for the others. Errors:
 *  EINVAL for an unknown mode, EMFILE; the parent keeps nothing then. */
export function standardStreams(
	parent: WasixProcess,
	child: WasixProcess,
	modes: readonly number[],
	ends: number[],
): Done {
	for (const [fd, mode] of modes.entries()) {
		const done = stream(parent, child, fd, mode, ends);
		if (done === 0) continue;
		closeEnds(parent, ends);
		return done;
	}
	return 0;
}

/** Takes back what a child was to have that could not be started. */
export function closeEnds(parent: WasixProcess, ends: readonly number[]): void {
	for (const end of ends) if (end >= 0) parent.descriptors.close(end);
}

function stream(
	parent: WasixProcess,
	child: WasixProcess,
	fd: number,
	mode: number,
	ends: number[],
): Done {
	ends[fd] = -1;
	switch (mode) {
		case PIPED: {
			const [own, others] = duplex(parent.process.bridge);
			const end = parent.descriptors.add(new OpenFile(own, 0, RIGHTS_STREAM, 0));
			if (end < 0) return end as Done;
			ends[fd] = end;
			return child.descriptors.addAt(fd, new OpenFile(others, 0, RIGHTS_STREAM, 0));
		}
		case INHERITED:
			return 0;
		case NOTHING:
			return child.descriptors.addAt(fd, new OpenFile(new NullDevice(), 0, RIGHTS_STREAM, 0));
		case LOGGED:
			return fd === 2 ? 0 : child.descriptors.renumber(2, fd);
		default:
			return EINVAL;
	}
}
