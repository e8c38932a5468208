/**
 * The host's environment: what a page can say about itself. Merged only where a command forwards it.
 */
export function hostEnv(
	terminal: { readonly columns: number; readonly rows: number } | undefined,
	more: Readonly<Record<string, string>>,
): [string, string][] {
	const env = new Map<string, string>();
	const language = globalThis.navigator?.language?.replace("-", "_");
	env.set("LANG", `${language || "C"}.UTF-8`);
	env.set("TZ", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
	env.set("TERM", terminal === undefined ? "dumb" : "xterm-256color");
	if (terminal !== undefined) {
		env.set("COLUMNS", String(terminal.columns));
		env.set("LINES", String(terminal.rows));
	}
	for (const [key, value] of Object.entries(more)) env.set(key, value);
	return [...env];
}
