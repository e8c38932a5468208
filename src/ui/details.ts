/**
 * What is known of the package and of this browser, as lists of facts.
 */
import { find, make } from "../element/dom.ts";
import type { Environment, Package } from "../index.ts";
import { duration } from "./formats.ts";
import { profileSection } from "./profile.ts";

/** The manifest may be as large as its package allows; a page need not show all of it. */
const MOST_TEXT = 200_000;

/** Shows a package that was loaded from `source`, an address or the name of a file. */
export function showPackage(loaded: Package, source: string): void {
	const { name, version, format, volumes, commands, entrypoint, manifest } = loaded;
	const { runnable, missing } = loaded;
	const place = find("panel-about", HTMLElement);
	const mounted = volumes.map(({ name: volume, mountPath }) =>
		make("li", {}, make("code", {}, mountPath), ` from ${volume}`),
	);
	place.replaceChildren(
		facts([
			["Name", name || "not given"],
			["Version", version || "not given"],
			["Format", formatName(format)],
			["Entrypoint", entrypoint ?? "none"],
			["Commands", commands.join(", ") || "none"],
			["Runs here", runnable ? (missing.length > 0 ? "in part" : "yes") : "no"],
			...(missing.length > 0 ? ([["Missing", missing.join(", ")]] as const) : []),
			["Volumes", mounted.length > 0 ? make("ul", {}, ...mounted) : "none"],
		]),
		profileSection(loaded, source),
		make("h3", {}, "Manifest"),
		make("pre", { tabindex: "0", "aria-label": "Manifest" }, asJson(manifest)),
	);
}

export function showEnvironment({
	bridge,
	why,
	crossOriginIsolated,
	clockResolution,
	features,
}: Environment): void {
	find("panel-browser", HTMLElement).replaceChildren(
		facts([
			["Bridge", bridge],
			["Why", why],
			["Cross-origin isolated", crossOriginIsolated ? "yes" : "no: no shared memory on this page"],
			["Shared memory", features.sharedMemory ? "yes" : "no"],
			["Clock", `steps of ${step(clockResolution)}`],
			["Processor cores", String(navigator.hardwareConcurrency)],
		]),
	);
}

function facts(rows: readonly (readonly [term: string, fact: string | Node])[]): HTMLElement {
	return make(
		"dl",
		{},
		...rows.flatMap(([term, fact]) => [make("dt", {}, term), make("dd", {}, fact)]),
	);
}

function formatName(format: Package["format"]): string {
	if (format === "tar") return "legacy archive (tar.gz)";
	return format === "wasm" ? "bare module (.wasm)" : `WEBC version ${format}`;
}

function step(nanoseconds: number): string {
	return nanoseconds < 1e6 ? `${nanoseconds / 1000} µs` : duration(nanoseconds / 1e6);
}

function asJson(value: unknown): string {
	const text = JSON.stringify(value, plain, 2) ?? "none";
	return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}\n… cut` : text;
}

/** What JSON lacks. */
function plain(_key: string, value: unknown): unknown {
	if (value instanceof Map) return Object.fromEntries(value);
	if (value instanceof Uint8Array) return `${value.length} bytes`;
	return typeof value === "bigint" ? String(value) : value;
}
