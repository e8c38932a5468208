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
