/**
 * What has been asked of a store and not answered yet: how much of it there is, whom a failure
 * concerns, and when all of it is done.
 */
import type { Done, Errno } from "../abi/errno.ts";
import type { Bridge, Far, Ticket } from "../bridge/bridge.ts";
import type { LinkingStore, Listing } from "../bridge/store.ts";
import type { INode } from "./node.ts";

/** Bytes gathered by a file, which goes to the store when told. */
export interface Gatherer {
	flush(): void;
}

/** Milliseconds after which gathered bytes are sent although nobody has closed the file. */
const PATIENCE = 20;

export class StoreQueue {
	readonly #bridge: Bridge;
	/** Whoever asks for an extra method knows that the store has it. */
	readonly #store: Far<LinkingStore>;
	/** The most bytes that may be underway. */
	readonly #most: number;
	#bytes = 0;
	/** The last change asked for; when it is answered, so are all before it. */
	#last: Ticket<unknown> | null = null;
	readonly #lastOf = new Map<INode, Ticket<unknown>>();
	/** Failures that nobody has been told of. */
	readonly #failures = new Map<INode, Errno>();
	readonly #gatherers = new Set<Gatherer>();
	#alarm: Ticket<void> | null = null;

	constructor(bridge: Bridge, store: Far<LinkingStore>, most: number) {
		this.#bridge = bridge;
		this.#store = store;
		this.#most = most;
	}

	list(path: string): Ticket<Listing[]> {
		return this.#bridge.ask(this.#store, "list", path);
	}

	read(path: string, offset: number, length: number): Ticket<Uint8Array> {
		return this.#bridge.ask(this.#store, "read", path, offset, length);
	}

	write(node: INode, path: string, offset: number, bytes: Uint8Array): void {
		this.#note(node, this.#bridge.ask(this.#store, "write", path, offset, bytes), bytes.length);
	}

	resize(node: INode, path: string, size: number): void {
		this.#note(node, this.#bridge.ask(this.#store, "resize", path, size), 0);
	}

	make(node: INode, path: string, type: "file" | "directory"): void {
		this.#note(node, this.#bridge.ask(this.#store, "make", path, type), 0);
	}

	remove(node: INode, path: string): void {
		this.#note(node, this.#bridge.ask(this.#store, "remove", path), 0);
	}

	rename(node: INode, from: string, to: string): void {
		this.#note(node, this.#bridge.ask(this.#store, "rename", from, to), 0);
	}

	symlink(node: INode, path: string, target: string): void {
		this.#note(node, this.#bridge.ask(this.#store, "symlink", path, target), 0);
	}

	link(node: INode, path: string, newPath: string): void {
		this.#note(node, this.#bridge.ask(this.#store, "link", path, newPath), 0);
	}

	utimes(node: INode, path: string, accessed: bigint, modified: bigint): void {
		this.#note(node, this.#bridge.ask(this.#store, "utimes", path, accessed, modified), 0);
	}

	/** How many bytes can be written at once; PENDING while too many are underway. */
	room(): number {
		const room = this.#most - this.#bytes;
		return room > 0 || this.#last === null ? Math.max(room, 1) : this.#bridge.pending(this.#last);
	}

	/** Notes that a file gathers bytes, and sees to it that they are sent before long. */
	gathering(file: Gatherer): void {
		this.#gatherers.add(file);
		if (this.#alarm !== null) return;
		this.#alarm = this.#bridge.alarm(performance.now() + PATIENCE);
		this.#alarm.watch(() => {
			this.#alarm = null;
			this.#flush();
		});
	}

	gathered(file: Gatherer): void {
		this.#gatherers.delete(file);
	}

	/** 0 once every change is in the store; then a failure that nobody has been told of. */
	sync(): Done {
		this.#flush();
		if (this.#last !== null) return this.#bridge.pending(this.#last);
		for (const [, error] of this.#failures) {
			this.#failures.clear();
			return error;
		}
		return 0;
	}

	/** The same for the changes of one node. */
	syncOf(node: INode): Done {
		const last = this.#lastOf.get(node);
		if (last !== undefined) return this.#bridge.pending(last);
		const error = this.#failures.get(node);
		this.#failures.delete(node);
		return error ?? 0;
	}

	#flush(): void {
		for (const file of [...this.#gatherers]) file.flush();
	}

	#note(node: INode, ticket: Ticket<unknown>, bytes: number): void {
		this.#bytes += bytes;
		this.#last = ticket;
		this.#lastOf.set(node, ticket);
		ticket.watch(() => {
			this.#bytes -= bytes;
			if (this.#last === ticket) this.#last = null;
			if (this.#lastOf.get(node) === ticket) this.#lastOf.delete(node);
			if (ticket.error !== 0 && !this.#failures.has(node)) this.#failures.set(node, ticket.error);
		});
	}
}
