/**
 * What both halves say of a download that fails.
 */
import { PortholeError } from "../abi/error.ts";

/** The error for a server's answer other than success. */
export function badStatus(url: string, response: Response): PortholeError {
	const { status } = response;
	const hint = status === 404 ? "check the address" : "try again later, or check the server";
	return new PortholeError("http-error", `the server answered ${status} for ${url}; ${hint}`, {
		cause: response,
	});
}

/** The error for a request that got no answer that a page may see. */
export function unreachable(url: string, cause: unknown): PortholeError {
	return new PortholeError(
		"network-error",
		`${url} could not be fetched: the server cannot be reached, or it does not allow this page ` +
			"to read it (it must send Access-Control-Allow-Origin)",
		{ cause },
	);
}

/** The error for a connection on which nothing has come for so many milliseconds. */
export function timedOut(url: string, timeout: number): PortholeError {
	const silence = `${url} has sent nothing for ${timeout / 1000} s`;
	return new PortholeError("timeout", `${silence}; try again, or raise the option \`timeout\``);
}
