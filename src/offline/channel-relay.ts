/**
 * Letters of programs that wait, on pages where a program can be stopped by nothing but a synchronous
 * request: the request is passed on to whoever knows the answer, over a channel that only the two of
 * them know the name of.
 */
import type {
	Answered,
	Asked,
	ChannelName,
	LettersPath,
} from "../guestworker/service-worker-protocol.ts";

const PATH: LettersPath = "/.porthole/letters";
/** Bytes that a letter has at most, with room to spare. */
const MOST = 1 << 20;

/** Whether it is for `carry`. */
export function isLetter({ url }: Request): boolean {
	const { origin, pathname } = new URL(url);
	return pathname === PATH && origin === location.origin;
}

/** Passes a letter on and answers with the answer. A question without a letter learns that there is
 *  somebody who passes letters on. */
export async function carry(request: Request): Promise<Response> {
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

/** Resolves with null where the one who asked has gone. */
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
