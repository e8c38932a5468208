/**
 * What a process has used that has done nothing; see `Usage` of the protocol.
 */
export const NOTHING_USED = { fuel: 0, time: 0, memory: 0, files: 0, read: 0, written: 0 };
