/**
 * Numbers as people read them.
 */

const units = ["B", "kB", "MB", "GB"];

/** `3 B`, `1.5 kB`, `24.7 MB`. */
export function bytes(count: number): string {
	let size = count;
	let unit = 0;
	while (size >= 999.5 && unit < units.length - 1) {
		size /= 1000;
		unit++;
	}
	const digits = unit === 0 || size >= 99.5 ? 0 : 1;
	return `${size.toFixed(digits)} ${units[unit]}`;
}

/** `8 ms`, `1.25 s`, `2 min 5 s`. */
export function duration(milliseconds: number): string {
	if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
	const seconds = milliseconds / 1000;
	if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
	const whole = Math.round(seconds);
	return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `1 argument`, `2 arguments`. */
export function count(number: number, noun: string): string {
	return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
