/** Signals by name; the numbers are those of Linux, which WASIX uses. */
export const SIGNALS: ReadonlyMap<string, number> = new Map([
	["SIGHUP", 1],
	["SIGINT", 2],
	["SIGQUIT", 3],
	["SIGILL", 4],
	["SIGTRAP", 5],
	["SIGABRT", 6],
	["SIGBUS", 7],
	["SIGFPE", 8],
	["SIGKILL", 9],
	["SIGUSR1", 10],
	["SIGSEGV", 11],
	["SIGUSR2", 12],
	["SIGPIPE", 13],
	["SIGALRM", 14],
	["SIGTERM", 15],
]);
