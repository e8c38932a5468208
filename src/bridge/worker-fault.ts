/**
 * Why a worker could not be started: the browser tells of an error without a word.
 *
 * So what it was asked is asked once more, and looked at from outside: a worker of the same script, while
 * somebody listens for violations of the page's policies; and the script, as a file. A browser says
 * which it was: a policy, no answer at all, an answer that is no script, or none of these.
 */
import { PortholeError } from "../abi/error.ts";
import { scriptAddress, startWorker } from "./any-worker.ts";
import { isOpaque } from "./context.ts";
import { beside, type ScriptAddress } from "./make-worker.ts";
import { withWorkers } from "./trusted.ts";

/** Milliseconds that the second worker has to fail. */
const PATIENCE = 3000;

const ELSE =
	"pass `workerUrl`, with all files of dist/ that begin with `guest` beside each other, or use " +
	"porthole/inline, which carries the worker";

/** The error of a worker with the script at `url` that has failed, with what its error event `said`:
 *  `"worker-failed"`; for one that was not even started also `"content-policy"` and `"network-error"`. */
export async function explainFailure(
	url: ScriptAddress | undefined,
	said: string | undefined,
): Promise<PortholeError> {
	if (said) {
		return new PortholeError(
			"worker-failed",
			`Porthole's worker failed: ${said}; files that were only in memory are gone`,
		);
	}
	const directive = await violated(url).catch(() => null);
	if (directive !== null) {
		return new PortholeError(
			"content-policy",
			`the page's Content-Security-Policy (${directive}) forbids Porthole's worker: allow it, with ` +
				`${directive} 'self' where it lies beside the page, blob: for porthole/inline`,
		);
	}
	const address = addressOf(url);
	if (address === null) return failed(`the browser does not start the worker that ${INLINE}`);
	let response: Response;
	try {
		response = await fetch(address, { cache: "no-store" });
	} catch (cause) {
		return new PortholeError(
			"network-error",
			`${address}, the script of Porthole's worker, could not be fetched: there is no network, or its ` +
				"server cannot be reached or does not allow this page to read it",
			{ cause },
		);
	}
	await response.body?.cancel();
	if (!response.ok) {
		return failed(
			`its script was not found: the server answered ${response.status} for ${address}`,
		);
	}
	const type = response.headers.get("content-type") ?? "";
	if (!/javascript|ecmascript/i.test(type)) {
		return failed(`${address} is not sent as a script but as "${type}"`);
	}
	return failed(`${address} is there, but the browser does not start it or a file that it imports`);
}

const INLINE = "porthole/inline carries";

function failed(why: string): PortholeError {
	return new PortholeError("worker-failed", `Porthole's worker failed: ${why}; ${ELSE}`);
}

/** Where the script is: for the one beside the library, where a bundler has put it. */
function addressOf(url: ScriptAddress | undefined): string | null {
	if (url !== undefined || isOpaque()) return scriptAddress(url);
	let address = "";
	const note = (_: unknown, asked: string | URL) => {
		address = String(asked);
		return {} as Worker; // It is only looked where it would be.
	};
	try {
		withWorkers(note, () => beside("porthole"));
	} catch {
		return scriptAddress(url);
	}
	return address.startsWith("http") ? address : scriptAddress(url);
}

/** The directive of the page's policy that a worker of this script violates; null for none. */
async function violated(url: ScriptAddress | undefined): Promise<string | null> {
	let worker: Worker | undefined;
	let heard: (directive: string | null) => void = () => {};
	const answer = new Promise<string | null>((resolve) => {
		heard = resolve;
	});
	const hear = (event: SecurityPolicyViolationEvent) => {
		// A policy that only reports has forbidden nothing.
		if (event.disposition === "enforce") heard(event.effectiveDirective);
	};
	addEventListener("securitypolicyviolation", hear);
	const late = setTimeout(() => heard(null), PATIENCE);
	try {
		worker =
			url === undefined && !isOpaque() ? beside("porthole") : await startWorker(url, "porthole");
		// The violation may come after the error.
		worker.onerror = () => void setTimeout(() => heard(null), 100);
		return await answer;
	} finally {
		clearTimeout(late);
		removeEventListener("securitypolicyviolation", hear);
		worker?.terminate();
	}
}
