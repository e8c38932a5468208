/**
 * From samples to the table: medians, ratios, and whether each target is met.
 */
import type { Contestant } from "./job.ts";
import type { Row } from "./rows.ts";

/** Contestant → one value per round; a round that failed is a hole. */
export type Samples = Map<Contestant, number[]>;

export interface Measured {
	readonly row: Row;
	readonly samples: Samples | undefined;
}

interface Line {
	readonly name: string;
	readonly unit: string;
	readonly values: Partial<Record<Contestant, number>>;
	/** Ours to the floor, or to what the target names. */
	readonly ratio: number | undefined;
	readonly target: string;
	readonly met: boolean;
}

export function tabulate(
	measured: readonly Measured[],
	contestants: readonly Contestant[],
): { markdown: string; rows: Line[] } {
	const rows = measured.map(({ row, samples }) => line(row, samples ?? new Map()));
	const head = ["work", ...contestants, "ratio", "target", ""];
	const body = rows.map((row) => [
		row.name,
		...contestants.map((who) => shown(row.values[who], row.unit)),
		row.ratio === undefined ? "–" : row.ratio.toFixed(2),
		row.target,
		row.met ? "" : "missed",
	]);
	const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
	const markdown = [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
	return { markdown, rows };
}

function line(row: Row, samples: Samples): Line {
	const values: Partial<Record<Contestant, number>> = {};
	for (const [who, list] of samples) if (list.length > 0) values[who] = median(list);
	const other = row.target.of === "plain" ? "plain" : "floor";
	const ratio = medianRatio(samples.get("ours"), samples.get(other));
	return { name: row.name, unit: row.unit, values, ratio, ...judge(row, values, ratio) };
}

/** The median of the ratios within each round. */
function medianRatio(ours: number[] = [], floor: number[] = []): number | undefined {
	const ratios = ours.flatMap((value, round) => {
		const other = floor[round];
		return other === undefined ? [] : [value / other];
	});
	return ratios.length === 0 ? undefined : median(ratios);
}

function judge(
	row: Row,
	values: Line["values"],
	ratio: number | undefined,
): { target: string; met: boolean } {
	const { target, unit } = row;
	const more = unit === "GB/s";
	const { ours } = values;
	if ("factor" in target) {
		const wanted = `${more ? "≥" : "≤"} ${target.factor} × ${target.of}`;
		if (ratio === undefined) return { target: wanted, met: false };
		return { target: wanted, met: more ? ratio >= target.factor : ratio <= target.factor };
	}
	if ("value" in target) {
		const wanted = `≤ ${target.value} ${unit}`;
		return { target: wanted, met: ours !== undefined && ours <= target.value };
	}
	const peers = (["shim", "runno", "wasm-util"] as const).flatMap((who) => values[who] ?? []);
	const best = more ? Math.max(...peers) : Math.min(...peers);
	if (ours === undefined) return { target: "best of all", met: false };
	const met = more ? ours * target.noise >= best : ours <= best * target.noise;
	return { target: target.noise === 1 ? "best of all" : "best but for noise", met };
}

/** The one in the middle; NaN of nothing. */
export function median(list: readonly number[]): number {
	const sorted = list.filter((value) => value !== undefined).sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function shown(value: number | undefined, unit: string): string {
	if (value === undefined) return "–";
	const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
	return `${value.toFixed(digits)} ${unit}`;
}
