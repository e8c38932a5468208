/**
 * Addresses of the internet, in the one spelling in which they are compared.
 *
 * IPv4 is four numbers with dots. IPv6 is groups in hexadecimal with its first run of zeros left out. An IPv4 address
 * within IPv6 (`::ffff:127.0.0.1`) is spelled as the IPv4 address that it is.
 */

/** Families as WASIX numbers them. */
export const INET4 = 1;
export const INET6 = 2;

export type Family = typeof INET4 | typeof INET6;

export interface Address {
	/** Of the socket that is asked: one of INET6 also meets IPv4 addresses. */
	readonly family: Family;
	readonly host: string;
	readonly port: number;
}

const DECIMAL = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const GROUPS = 8;
/** Bytes 0 to 11 of an IPv4 address within IPv6. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/** How 4 or 16 bytes are spelled. */
export function hostOf(bytes: Uint8Array): string {
	if (bytes.length === 4) return bytes.join(".");
	if (MAPPED.every((byte, index) => bytes[index] === byte)) return bytes.subarray(12).join(".");
	const groups = Array.from({ length: GROUPS }, (_, index) =>
		(((bytes[2 * index] as number) << 8) | (bytes[2 * index + 1] as number)).toString(16),
	);
	return groups.join(":").replace(/(^|:)0(:0)+(:|$)/, "::");
}

/** The 4 or 16 bytes of an address; null for what is none. */
export function bytesOf(host: string): Uint8Array | null {
	const decimal = DECIMAL.exec(host)?.slice(1).map(Number);
	if (decimal) return decimal.every((part) => part < 256) ? Uint8Array.from(decimal) : null;
	const [head = "", tail, ...rest] = host.split("::");
	if (rest.length > 0) return null;
	const split = (text: string) => (text === "" ? [] : text.split(":"));
	const [before, after] = [split(head), split(tail ?? "")];
	const zeros = GROUPS - before.length - after.length;
	if (tail === undefined ? zeros !== 0 : zeros < 1) return null;
	const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
	if (!groups.every((group) => GROUP.test(group))) return null;
	return Uint8Array.from(
		groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
	);
}

/** The bytes of an address as a socket of `family` is told of it. */
export function bytesFor(family: Family, host: string): Uint8Array {
	const bytes = bytesOf(host) ?? new Uint8Array(4);
	return family === INET6 && bytes.length === 4 ? Uint8Array.of(...MAPPED, ...bytes) : bytes;
}

export function isIpv4(host: string): boolean {
	return host.includes(".");
}

/** Whether an address means all that there are. */
export function isAny(host: string): boolean {
	return host === "0.0.0.0" || host === "::";
}

export function isLoopback(host: string): boolean {
	return host.startsWith("127.") || host === "::1";
}

/** The address of this machine in a family. */
export function loopback(family: Family): string {
	return family === INET6 ? "::1" : "127.0.0.1";
}

/** The address that means all. */
export function anyHost(family: Family): string {
	return family === INET6 ? "::" : "0.0.0.0";
}
