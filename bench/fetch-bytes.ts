/**
 * The programs of a bench, for its pages.
 */
const fetched = new Map<string, Promise<Uint8Array>>();

/** The bytes of a program, kept for the next run. */
export function fetchBytes(url: string): Promise<Uint8Array> {
	const known =
		fetched.get(url) ??
		fetch(url).then(async (response) => {
			if (!response.ok) throw new Error(`${url}: ${response.status}`);
			return new Uint8Array(await response.arrayBuffer());
		});
	fetched.set(url, known);
	return known;
}
