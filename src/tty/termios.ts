/**
 * How a terminal can be set, and what its keys mean then.
 */

export const NEWLINE = 10;

/** The characters with a meaning; 0 for none. */
export interface Keys {
	readonly interrupt: number;
	readonly quit: number;
	readonly suspend: number;
	readonly endOfFile: number;
	readonly erase: number;
	/** Another one that erases: keyboards differ. */
	readonly erase2: number;
	readonly eraseWord: number;
	readonly kill: number;
	readonly reprint: number;
	readonly literalNext: number;
}

/** In the words of termios. */
export interface Settings {
	/** What is typed is shown. */
	readonly echo: boolean;
	/** Lines are edited before they are read. */
	readonly icanon: boolean;
	/** Some characters send signals. */
	readonly isig: boolean;
	/** A typed CR is read as NL. */
	readonly icrnl: boolean;
	/** A printed NL also returns to the first column. */
	readonly onlcr: boolean;
	readonly keys: Keys;
}

/** What a key does. */
export type Action = keyof Keys | "enter";

/** The actions that are signals, and which. */
export const signals: ReadonlyMap<Action, string> = new Map([
	["interrupt", "SIGINT"],
	["quit", "SIGQUIT"],
	["suspend", "SIGTSTP"],
]);

const control = (letter: string) => letter.charCodeAt(0) & 31;

/** How a terminal is at first. */
export const defaults: Settings = {
	echo: true,
	icanon: true,
	isig: true,
	icrnl: true,
	onlcr: true,
	keys: {
		interrupt: control("C"),
		quit: control("\\"),
		suspend: control("Z"),
		endOfFile: control("D"),
		erase: 127,
		erase2: control("H"),
		eraseWord: control("W"),
		kill: control("U"),
		reprint: control("R"),
		literalNext: control("V"),
	},
};

/** What each key does under these settings. */
export function actionsOf({ isig, icanon, keys }: Settings): ReadonlyMap<number, Action> {
	const actions = new Map<number, Action>();
	// The names are those of Keys, and only those.
	for (const [action, key] of Object.entries(keys) as [Action, number][]) {
		if (key !== 0 && (signals.has(action) ? isig : icanon)) actions.set(key, action);
	}
	if (icanon) actions.set(NEWLINE, "enter");
	return actions;
}
