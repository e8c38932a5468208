/**
 * The tests that do not apply to a bridge, each with the reason.
 *
 * A bridge is how the guests of a sandbox wait (`SandboxOptions.bridge`; `service-worker` is the blocking bridge on
 * a page that is not isolated, where a service worker carries what guests ask). Each has a project in
 * `playwright.config.ts`, in which every sandbox of the library's test page asks for that bridge. A
 * test is named by its file and the words that lead to it; what begins so is meant.
 */
export type Bridge = "suspending" | "blocking" | "service-worker" | "preloaded";

type Reasons = Readonly<Record<string, string>>;

const CONVERSES = "it talks to a program while that runs, and hears nothing of what it is told";
const ABREAST = "programs run one after the other: while one runs, the worker does nothing else";
const FUNCTION = "a program cannot wait for a function of the page, and is refused one";
const KILL = "a kill is not heard: the page ends the worker, also where elsewhere it need not";

const PRELOADED: Reasons = {
	"imports.spec.ts": FUNCTION,
	"commands.spec.ts › output and spawn › a process has a number": ABREAST,
	"commands.spec.ts › output and spawn › two guests run at the same time": ABREAST,
	"commands.spec.ts › standard output › a reader that goes away": CONVERSES,
	"commands.spec.ts › arguments, environment, directory › the host's variables":
		"it asks for a terminal, which is refused",
	"commands.spec.ts › how a process is ended › kill(": CONVERSES,
	"commands.spec.ts › how a process is ended › a timeout and an AbortSignal kill": KILL,
	"commands.spec.ts › how a process is ended › one that waits is killed while another spins":
		ABREAST,
	"commands.spec.ts › how a process is ended › what is not interruptible ends with the worker":
		ABREAST,
	"commands.spec.ts › commands of the page's own › a program with a terminal":
		"it asks for a terminal, which is refused",
	"files.spec.ts › the tree is the one that guests see, while they run": CONVERSES,
	"load.spec.ts › a sandbox › tells its environment": "it expects the bridge that is chosen",
	"mounts.spec.ts › mount and unmount while the sandbox runs": CONVERSES,
	"mounts.spec.ts › what is unmounted is gone for a process": CONVERSES,
	"turns.spec.ts": ABREAST,
	"hostile.spec.ts": KILL,
	"limits.spec.ts › time counts processor time": CONVERSES,
	"limits.spec.ts › usage tells of a program that runs": CONVERSES,
	"programs.spec.ts › killing › a guest that never ends is killed, and the sandbox goes on: calls":
		KILL,
	"programs.spec.ts › killing › a guest that never ends is killed, and the sandbox goes on: sleep":
		KILL,
	"programs.spec.ts › streams › a conversation": CONVERSES,
	"programs.spec.ts › entries and imports › imports that nobody has": FUNCTION,
	"programs.spec.ts › entries and imports › a function of the page": FUNCTION,
	"programs.spec.ts › entries and imports › an import never replaces": FUNCTION,
};

const ALONE = "a guest that does not listen is ended with its own worker, and nothing else is lost";

const BLOCKING: Reasons = {
	"hostile.spec.ts › the page is answered while two hundred spin":
		"each has a thread, and how those take turns is for the system",
	"commands.spec.ts › how a process is ended › what is not interruptible ends with the worker":
		ALONE,
	"load.spec.ts › a sandbox › tells its environment": "it expects the bridge that is chosen",
};

const SERVICE_WORKER: Reasons = {
	...BLOCKING,
	"load.spec.ts › a sandbox › refuses the bridges that it cannot have":
		"it expects that no service worker answers guests",
	"programs.spec.ts › polling prints its transcript":
		"it tells what is ready at once from what takes a while, and every question takes a while",
	"programs.spec.ts › streams › a flood through a slow reader":
		"each of its two million lines is a request of some milliseconds",
};

const NOT: Readonly<Partial<Record<Bridge, Reasons>>> = {
	"service-worker": SERVICE_WORKER,
	preloaded: PRELOADED,
	blocking: BLOCKING,
};

/** Why a test does not apply to this bridge; undefined where it does. `titles` lead from the file to the test. */
export function notFor(bridge: Bridge, titles: readonly string[]): string | undefined {
	const path = titles.join(" › ");
	return Object.entries(NOT[bridge] ?? {}).find(([words]) => path.startsWith(words))?.[1];
}
