/**
 * The host's environment: what a page can say about itself, merged only where a command forwards it; and
 * what it says of a terminal, which every program that has one is told.
 */
export function hostEnv(
	forward: boolean,
	terminal: { readonly columns: number; readonly rows: number } | undefined,
	more: Readonly<Record<string, string>>,
): [string, string][] {
	const env = new Map<string, string>();
	if (terminal !== undefined) {
		env.set("TERM", "xterm-256color");
		env.set("COLUMNS", String(terminal.columns));
		env.set("LINES", String(terminal.rows));
	}
	if (!forward) return [...env];
	const language = globalThis.navigator?.language?.replace("-", "_");
	env.set("LANG", `${language || "C"}.UTF-8`);
	env.set("TZ", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
	if (terminal === undefined) env.set("TERM", "dumb");
	for (const [key, value] of Object.entries(more)) env.set(key, value);
	return [...env];
}
