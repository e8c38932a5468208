/**
 * A socket: a node among the descriptors of a process, with an address in the network of its sandbox.
 */
import type { Done } from "../abi/errno.ts";
import { Device } from "../fs/devices.ts";
import type { Address, Family } from "./address.ts";
import type { Network } from "./network.ts";

/** What `shutdown` ends, as bits. */
export const READING = 1;
export const WRITING = 2;

/** Options that mean something here, as WASIX numbers them. */
export const REUSE_PORT = 1;
export const ONLY_IPV6 = 5;

export abstract class Socket extends Device {
	readonly network: Network;
	readonly family: Family;
	abstract readonly isStream: boolean;
	local: Address | null = null;
	/** What it was connected to. */
	peer: Address | null = null;
	/** Options that were set, by their numbers: numbers, and times in nanoseconds. */
	readonly options = new Map<number, number>();
	/** Why something failed that no call has told of; 0 for nothing. */
	failure: Done = 0;
	isOpen = true;

	constructor(network: Network, family: Family, type: "device" | "pipe") {
		super(type);
		this.network = network;
		this.family = family;
		network.open += 1;
	}

	/** Whether others that say so too may have its address. */
	get sharesPort(): boolean {
		return this.options.get(REUSE_PORT) === 1;
	}

	/** Whether `::` means no addresses of IPv4. */
	get onlyIpv6(): boolean {
		return this.options.get(ONLY_IPV6) === 1;
	}

	/** Why something failed that no call has told of; it is told once. */
	takeFailure(): Done {
		const { failure } = this;
		this.failure = 0;
		return failure;
	}

	override closed(): Done {
		if (!this.isOpen) return 0;
		this.isOpen = false;
		this.network.open -= 1;
		this.network.release(this);
		return 0;
	}

	/** Sends to a socket, or connects it to one. Errors: see the subclasses. */
	abstract connect(to: Address): Done;
	/** Ends one direction or both: bit 0 is reading, bit 1 writing. Errors: ENOTCONN. */
	abstract shutdown(how: number): Done;
}
