/**
 * What a file of the network is called.
 */

/** The last part of a URL's path. */
export function fileName(url: string): string {
	if (url === "") return "";
	const { pathname } = new URL(url);
	const last = pathname.slice(pathname.lastIndexOf("/") + 1);
	try {
		return decodeURIComponent(last);
	} catch {
		return last;
	}
}
