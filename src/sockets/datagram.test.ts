import { expect, test } from "vitest";
import {
	ECONNREFUSED,
	EDESTADDRREQ,
	EMSGSIZE,
	ENETUNREACH,
	ENOTCONN,
	EPIPE,
	PENDING,
} from "../abi/errno.ts";
import { HandBridge } from "../bridge/manual-bridge.testkit.ts";
import { type Address, INET4 } from "./address.ts";
import { DatagramSocket } from "./datagram.ts";
import { Network } from "./network.ts";

const bridge = new HandBridge();
const at = (host: string, port: number): Address => ({ family: INET4, host, port });

function bound(network: Network, port = 0): DatagramSocket {
	const socket = new DatagramSocket(network, INET4);
	expect(network.bind(socket, at("127.0.0.1", port))).toBe(0);
	return socket;
}

const bytes = (...of: number[]) => Uint8Array.of(...of);

function got(socket: DatagramSocket): unknown {
	const found = socket.first();
	if (found === null || typeof found === "number") return found;
	socket.shift();
	return [...found.bytes];
}

test("datagrams come whole, in order, each from where it was sent", () => {
	const network = new Network(bridge);
	const receiver = bound(network, 53);
	const sender = bound(network);
	for (const one of [bytes(1, 2), bytes(), bytes(3)]) {
		expect(sender.send(one, at("127.0.0.1", 53))).toBe(one.length);
	}
	expect(receiver.readable()).toBe(2);
	const first = receiver.first();
	expect(first).toMatchObject({ from: { host: "127.0.0.1", port: sender.local?.port } });
	// What a read has no room for is lost.
	expect(receiver.read(new Uint8Array(1), 0, 1, 0)).toBe(1);
	expect(receiver.readable()).toBe(1);
	expect([got(receiver), got(receiver), got(receiver)]).toEqual([[], [3], PENDING]);
});

test("what fits nowhere is lost, and what goes nowhere is an error only of one that is connected", () => {
	const network = new Network(bridge);
	const receiver = bound(network, 53);
	const sender = new DatagramSocket(network, INET4);
	for (let n = 0; n < 1000; n++) sender.send(bytes(n & 255), at("127.0.0.1", 53));
	let count = 0;
	while (Array.isArray(got(receiver))) count += 1;
	expect(count).toBe(256);
	const large = new Uint8Array(65507);
	expect([
		sender.send(large, at("127.0.0.1", 53)),
		sender.send(large, at("127.0.0.1", 53)),
	]).toEqual([65507, 65507]);
	expect([Array.isArray(got(receiver)), got(receiver)]).toEqual([true, PENDING]);
	expect(sender.send(new Uint8Array(65508), at("127.0.0.1", 53))).toBe(EMSGSIZE);
	expect(sender.send(bytes(1), at("127.0.0.1", 54))).toBe(1);
	expect(sender.send(bytes(1), at("192.0.2.1", 54))).toBe(ENETUNREACH);
	expect(sender.send(bytes(1), null)).toBe(EDESTADDRREQ);
	expect(sender.connect(at("127.0.0.1", 54))).toBe(0);
	expect(sender.send(bytes(1), null)).toBe(ECONNREFUSED);
	bridge.dropNotes();
});

test("one that is connected hears only its peer", () => {
	const network = new Network(bridge);
	const [one, other, third] = [bound(network, 1), bound(network, 2), bound(network, 3)];
	one.connect(at("127.0.0.1", 2));
	third.send(bytes(3), at("127.0.0.1", 1));
	other.send(bytes(2), at("127.0.0.1", 1));
	expect([got(one), got(one)]).toEqual([[2], PENDING]);
	expect([other.shutdown(2), one.shutdown(3)]).toEqual([ENOTCONN, 0]);
	expect([got(one), one.send(bytes(1), null)]).toEqual([null, EPIPE]);
	bridge.dropNotes();
});

test("a pair loses nothing, and hears of the other's end", () => {
	const network = new Network(bridge);
	const [one, other] = [new DatagramSocket(network, INET4), new DatagramSocket(network, INET4)];
	DatagramSocket.join(one, other);
	let count = 0;
	while (one.send(bytes(1), null) === 1) count += 1;
	expect([count, one.writable()]).toEqual([256, PENDING]);
	const [ticket] = bridge.notes.splice(0);
	got(other);
	expect([ticket?.done, one.send(bytes(2), null)]).toEqual([true, 1]);
	one.closed();
	for (; count > 0; count--) got(other);
	expect([got(other), other.send(bytes(1), null)]).toEqual([null, ECONNREFUSED]);
	expect(network.open).toBe(1);
});
