/**
 * Messages that a service worker carries, without one: the requests of the guest's end are answered by
 * the kernel's end in the same thread, through the service worker's own code where that may wait.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LocalTicket } from "../bridge/ticket.ts";
import type { ChannelServer } from "./channel-server.ts";
import { ServiceWorkerChannel } from "./service-worker-channel.ts";
import type { Answered, Asked } from "./service-worker-protocol.ts";
import { ServiceWorkerServer } from "./service-worker-server.ts";

/** The channels by name. Posting hands over at once, as no browser does, so that nobody must wait. */
class InstantChannel {
	static readonly all = new Set<InstantChannel>();
	onmessage: ((event: { data: Asked | Answered }) => void) | null = null;
	readonly name: string;

	constructor(name: string) {
		this.name = name;
		InstantChannel.all.add(this);
	}

	postMessage(data: Asked | Answered): void {
		for (const other of InstantChannel.all) {
			if (other !== this && other.name === this.name) other.onmessage?.({ data });
		}
	}

	close(): void {
		InstantChannel.all.delete(this);
	}
}

let lost: ("request" | "answer")[] = [];

/** A synchronous request, carried to the channel that its address names. */
class InstantRequest {
	status = 0;
	response: ArrayBuffer | null = null;
	responseType = "";
	#url = new URL("http://nowhere");

	open(_method: string, url: URL): void {
		this.#url = url;
	}

	send(body: Uint8Array): void {
		const query = this.#url.searchParams;
		const how = lost.shift();
		if (how === "request") throw new Error("the service worker was stopped");
		const channel = new InstantChannel(`porthole:${query.get("to")}`);
		const asks = String(Math.random());
		channel.onmessage = ({ data }) => {
			if (!("answers" in data) || data.answers !== asks) return;
			this.status = 200;
			this.response = data.bytes;
		};
		channel.postMessage({
			asks,
			n: Number(query.get("n")),
			kind: query.get("kind") as Asked["kind"],
			ms: Number(query.get("ms")),
			bytes: body.slice().buffer,
		});
		channel.close();
		if (how === "answer") throw new Error("the service worker was stopped");
	}
}

beforeEach(() => {
	vi.stubGlobal("BroadcastChannel", InstantChannel);
	vi.stubGlobal("XMLHttpRequest", InstantRequest);
	vi.stubGlobal("location", { origin: "http://page" });
	lost = [];
});

afterEach(() => {
	vi.unstubAllGlobals();
	InstantChannel.all.clear();
});

function pair(answer: (end: ServiceWorkerServer) => void = () => {}) {
	const end: ServiceWorkerServer = new ServiceWorkerServer("x", () => {
		end.opened();
		answer(end);
		end.answered();
	});
	return { end, post: new ServiceWorkerChannel("x", () => {}) };
}

test("a message is answered, and only what is in use of it crosses", () => {
	const { post } = pair(({ message }) => {
		expect(message.numbers[0]).toBe(5);
		expect(message.text(0, message.length)).toBe("a path");
		message.numbers[0] = 12;
		message.put("an answer");
	});
	post.message.put("a path");
	expect(post.send(5)).toBe(12);
	expect(post.message.text(0, post.message.length)).toBe("an answer");
});

test("a message that is sent twice is carried out once", () => {
	for (const how of ["request", "answer"] as const) {
		let carried = 0;
		const { post, end } = pair(({ message }) => {
			carried += 1;
			message.numbers[0] = carried;
		});
		lost = [how, how];
		expect(post.send(1)).toBe(1);
		expect(post.send(1)).toBe(2);
		expect(carried).toBe(2);
		end.close();
	}
});

test("a service worker that is gone for good is a fault with advice", () => {
	const { post } = pair();
	lost = ["request", "request", "request", "request"];
	expect(() => post.send(1)).toThrow(/reload the page/);
});

test("what was done before the sleep ends it, and so does stopping", () => {
	const ticket = new LocalTicket<void>();
	const { post, end } = pair((to: ChannelServer) => to.watch([ticket]));
	post.send(1);
	ticket.answer();
	post.sleep(60_000);
	expect(post.stopped).toBe(false);
	end.stop();
	post.sleep(60_000);
	expect(post.stopped).toBe(true);
});

test("bytes that are no message are not carried out", () => {
	let carried = 0;
	pair(() => {
		carried += 1;
	});
	const channel = new InstantChannel("porthole:x");
	const asked = { asks: "?", n: 1, kind: "message" as const, ms: 0 };
	channel.postMessage({ ...asked, bytes: new ArrayBuffer(3) });
	channel.postMessage({ ...asked, n: 2, bytes: new ArrayBuffer(1 << 21) });
	expect(carried).toBe(0);
});
