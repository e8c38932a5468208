/**
 * Names that mean this machine: those of the loopback network, and that of the page.
 */
import { bytesOf } from "./address.ts";

const HERE = ["127.0.0.1", "::1"].map((host) => bytesOf(host) as Uint8Array);

/** The addresses of a name that is known here, or of a text that is an address; null for all else. */
export function namesHere(name: string): readonly Uint8Array[] | null {
	const lower = name.toLowerCase().replace(/\.$/, "");
	const bytes = bytesOf(lower);
	if (bytes !== null) return [bytes];
	const isHere = lower === "localhost" || lower.endsWith(".localhost") || lower === ownName();
	return isHere ? HERE : null;
}

/** The name of the page's host, also in a worker whose script is a Blob; `""` where there is none. */
function ownName(): string {
	try {
		return new URL(globalThis.origin).hostname;
	} catch {
		return "";
	}
}
