/**
 * The samples: what the site's list says of them.
 */

export interface Sample {
	readonly name: string;
	readonly url: string;
	readonly description: string;
	readonly version: string;
	readonly size: number;
}

const LIST = "packages/index.json";

/** The samples of this site; none where they have not been built. */
export async function listSamples(): Promise<readonly Sample[]> {
	const response = await fetch(LIST).catch(() => null);
	// A development server answers a missing file with the page itself.
	if (!response?.ok || !response.headers.get("content-type")?.includes("json")) return [];
	const list: unknown = await response.json().catch(() => []);
	return Array.isArray(list) ? list.filter(isSample) : [];
}

function isSample(value: unknown): value is Sample {
	if (typeof value !== "object" || value === null) return false;
	const text = ["name", "url", "description", "version"];
	return (
		text.every((key) => typeof Reflect.get(value, key) === "string") &&
		typeof Reflect.get(value, "size") === "number"
	);
}
