/**
 * Whether a Content-Security-Policy forbids a request.
 *
 * `fetch` rejects a forbidden request in the same words as one without a network. Only an event of the page, or of
 * the worker, tells them apart. So a request that has failed is made once more while that event is listened for.
 */
import { PortholeError } from "../abi/error.ts";

/** Milliseconds for the second request, and for the event, which follows the rejection. */
const PATIENCE = 2000;
const ARRIVAL = 50;

/** The error of a request for `url`: `"content-policy"` in place of `"network-error"` where a policy forbids
 *  the request and the browser says so. */
export async function explainFailed(url: string, error: unknown): Promise<unknown> {
	if (!(error instanceof PortholeError) || error.code !== "network-error") return error;
	const directive = await violated(url);
	if (directive === null) return error;
	return new PortholeError(
		"content-policy",
		`the Content-Security-Policy (${directive}) forbids the request for ${url}: add ${new URL(url).origin} to ` +
			"its connect-src, in the header of the page and in that of the worker's script",
		{ cause: error },
	);
}

/** The directive that a request for `url` violates; null for none. */
async function violated(url: string): Promise<string | null> {
	// Without a page or a worker there is no policy.
	if (!("addEventListener" in globalThis)) return null;
	let directive: string | null = null;
	const onViolation = ({ disposition, blockedURI, effectiveDirective }: Violation) => {
		// A policy that only reports has forbidden nothing.
		if (disposition === "enforce" && originOf(blockedURI) === originOf(url)) {
			directive = effectiveDirective;
		}
	};
	addEventListener("securitypolicyviolation", onViolation);
	try {
		const signal = AbortSignal.timeout(PATIENCE);
		await fetch(url, { method: "HEAD", mode: "no-cors", signal }).catch(() => {});
		await new Promise((resolve) => setTimeout(resolve, ARRIVAL));
		return directive;
	} finally {
		removeEventListener("securitypolicyviolation", onViolation);
	}
}

type Violation = Pick<
	SecurityPolicyViolationEvent,
	"disposition" | "blockedURI" | "effectiveDirective"
>;

function originOf(url: string): string {
	return URL.canParse(url) ? new URL(url).origin : url;
}
