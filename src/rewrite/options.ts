/** What the pass does to a module; without any option nothing. */
export interface RewriteOptions {
	/** Puts a check at each loop's header: `"uncounted"` leaves out loops that are seen to end by themselves, `"all"` none. */
	readonly meter?: "uncounted" | "all" | undefined;
	/** Makes shared memories plain ones, those that are imported too. The host then imports a plain memory. */
	readonly unshare?: boolean;
	/**
	 * Lowers the maximum of each memory, imported or not, to this many pages of 64 KiB, and gives it to a memory that
	 * has none, so that `memory.grow` answers -1 beyond it. A memory that begins with more stays at what it
	 * begins with. A memory that the host makes for an import must have the maximum, too.
	 */
	readonly maximumPages?: number;
	/**
	 * Makes of each `memory.atomic.notify`, `wait32` and `wait64` a call through slot 1, 2 or 3 of the table `porthole:breathe`:
	 * `(address, count, offset) -> woken`, `(address, expected: i32, timeout: i64, offset) -> 0, 1 or 2`, and
	 * `(address, expected: i64, timeout: i64, offset)` likewise. The access is at `address + offset`, both unsigned; the hook
	 * checks bounds and alignment, and traps.
	 */
	readonly hookWaits?: boolean;
	/**
	 * Makes of each `memory.grow` a call that does it, and exports `porthole:refused` `() -> i64`: how many pages the memory
	 * was to have when it was last refused to grow; 0 while it was not.
	 */
	readonly noteRefusals?: boolean;
	/**
	 * Exports `porthole:get:N` and `porthole:set:N` for each mutable global N, `porthole:memory:N` and `porthole:table:N`,
	 * whether it was hidden or not.
	 */
	readonly exportHidden?: boolean;
}
