/**
 * Whether a program is made interruptible (`rewrite`), and how: the option `interruptible`.
 *
 * `"auto"` makes it so, because the page's calls are to be answered while it computes and a stop is to
 * cost nothing but the program. The exception is a lone job without a terminal whose compiled code the
 * browser may keep: rewriting would lose that, and nothing else runs that could suffer. Not so for a
 * module that was once found spinning, whose worker had to be ended; of that all loops are metered.
 */
import type { WireLimits, WireSpawn, WireStart } from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";

const PAGE = 65536;

/** What is asked of a program. */
type Asked = Pick<WireSpawn, "interruptible" | "limits" | "terminal">;

const NOTHING: Asked = { interruptible: "auto" };

/** What is known of a program before it is started. */
export interface Candidate {
	/** Whether the browser may keep what it compiles of it as it is. */
	readonly kept: boolean;
	/** Whether its package says that it was made interruptible before; then it is run as it is. */
	readonly isMetered: boolean;
	/** What the page remembers it by. */
	readonly key?: string;
}

export class Rewriting {
	readonly #start: WireStart;

	constructor(start: WireStart) {
		this.#start = start;
	}

	/** How to rewrite a program; undefined for not at all. Without `asked` it is not known yet how it will be started. */
	of(
		{ kept, isMetered, key = "" }: Candidate,
		asked = NOTHING,
		alone = true,
	): RewriteOptions | undefined {
		const { bridge, interruptible, limits, spinning } = this.#start;
		const { fuel, time, timeout }: WireLimits = { ...limits, ...asked.limits };
		const most = Math.min(limits?.memory ?? Infinity, asked.limits?.memory ?? Infinity);
		const spun = spinning.includes(key);
		const wish = asked.interruptible === "auto" ? interruptible : asked.interruptible;
		// Where no guest can wait there are no turns: only limits end a program.
		const auto = bridge !== "preloaded" && (!kept || !alone || spun || asked.terminal);
		const wanted = wish === "auto" ? auto || (fuel ?? time ?? timeout) !== undefined : wish;
		// One that was found spinning was not what its package says.
		const meter = wanted && (!isMetered || spun);
		const isLimited = most < Infinity;
		if (!meter && !isLimited) return undefined;
		return {
			...(meter && { meter: spun || fuel !== undefined ? "all" : "uncounted" }),
			...(isLimited && { maximumPages: Math.floor(most / PAGE), noteRefusals: true }),
		};
	}
}
