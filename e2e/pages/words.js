/**
 * What the tests say often, as functions of the page: they run where the library runs.
 */

/** What `promise` is rejected with, as plain data; an error of the test where it is not. */
export async function caught(promise) {
	let value;
	try {
		value = await promise;
	} catch (error) {
		return {
			porthole: error instanceof porthole.PortholeError,
			name: error.name,
			code: error.code,
			message: error.message,
		};
	}
	throw new Error(`nothing was thrown; the answer was ${JSON.stringify(value)}`);
}

/** What `call` throws or is rejected with. */
export function thrown(call) {
	return caught(new Promise((resolve) => resolve(call())));
}

/** All of a stream, as text. */
export async function collect(stream) {
	return new Response(stream).text();
}

/** Gives the stream's next line, or what is left at its end. */
export function lines(stream) {
	const reader = stream.getReader();
	let ahead = "";
	return async () => {
		while (!ahead.includes("\n")) {
			const { done, value } = await reader.read();
			if (done) break;
			ahead += text(value);
		}
		const end = ahead.indexOf("\n") + 1 || ahead.length;
		const line = ahead.slice(0, end);
		ahead = ahead.slice(end);
		return line;
	};
}

export function text(bytes) {
	return new TextDecoder().decode(bytes);
}

/** A WritableStream that keeps what it is given, as text. */
export function keeper() {
	const kept = { text: "" };
	const decoder = new TextDecoder();
	kept.stream = new WritableStream({
		write(chunk) {
			kept.text += decoder.decode(chunk, { stream: true });
		},
	});
	return kept;
}
