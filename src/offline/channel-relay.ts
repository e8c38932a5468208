/**
 * Relays the messages of programs that wait, on pages where nothing but a synchronous request can stop a
 * program. The service worker passes the request on to the kernel that knows the answer, over a channel
 * whose name only the program's worker and that kernel know.
 */
import type {
	Answered,
	Asked,
	ChannelName,
	ChannelPath,
} from "../guestworker/service-worker-protocol.ts";

const PATH: ChannelPath = "/.porthole/letters";
/** Bytes of the longest message, with room to spare. */
const MOST = 1 << 20;

/** Whether `relay` answers this request. */
export function isChannelMessage({ url }: Request): boolean {
	const { origin, pathname } = new URL(url);
	return pathname === PATH && origin === location.origin;
}

/** Passes a message on to the kernel, and answers with the kernel's answer. A request other than POST
 *  asks whether there is a relay: 204. */
export async function relay(request: Request): Promise<Response> {
	if (request.method !== "POST") return new Response(null, { status: 204 });
	const query = new URL(request.url).searchParams;
	const bytes = await request.arrayBuffer();
	if (bytes.byteLength > MOST) return new Response(null, { status: 413 });
	const asked: Asked = {
		asks: crypto.randomUUID(),
		n: Number(query.get("n")),
		// The kernel takes what is neither of the others for a request for an answer.
		kind: query.get("kind") as Asked["kind"],
		ms: Number(query.get("ms")),
		bytes,
	};
	const answer = await ask(`porthole:${query.get("to")}`, asked, request.signal);
	return new Response(answer, { headers: { "Cache-Control": "no-store" } });
}

/** Resolves with null once the request has been aborted: the program has gone. */
function ask(name: ChannelName, asked: Asked, signal: AbortSignal): Promise<ArrayBuffer | null> {
	const channel = new BroadcastChannel(name);
	return new Promise<ArrayBuffer | null>((resolve) => {
		channel.onmessage = ({ data }: MessageEvent<Answered | Asked>) => {
			if ("answers" in data && data.answers === asked.asks) resolve(data.bytes);
		};
		signal.addEventListener("abort", () => resolve(null));
		channel.postMessage(asked);
	}).finally(() => channel.close());
}
