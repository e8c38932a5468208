/**
 * `porthole/element`: a program in a terminal, as an element of a page.
 *
 *     <porthole-terminal src="/packages/python.webc" command="python" args="-i"></porthole-terminal>
 *
 * The element follows what its attributes say, whatever happens in between: each change only notes that
 * something is to be done, and a moment later the element looks at what is wanted and at what runs. So
 * several attributes that are set together start one program, an element that is moved in the page goes
 * on, and one that is taken out ends its program.
 *
 * Each run has a sandbox and a screen of its own; nothing of one is in the way of the next. The screen
 * is loaded when the first program needs it. It lives in a shadow tree together with its style.
 */
import {
	type ExitStatus,
	PortholeError,
	type Process,
	type Progress,
	Sandbox,
	type SandboxOptions,
} from "../index.ts";
import { make } from "./dom.ts";
import { ELEMENT_STYLE } from "./element-style.ts";
import { nearAttribute } from "./near-attribute.ts";
import { addSheet } from "./sheets.ts";
import { splitWords } from "./shell-words.ts";
import type { TerminalView } from "./terminal-view.ts";

/** What the element tells. */
export interface PortholeTerminalEventMap {
	/** The program runs. */
	readonly start: CustomEvent<Process>;
	/** It has ended. */
	readonly exit: CustomEvent<ExitStatus>;
	/** It could not be started; as a rule by a PortholeError. */
	readonly failure: CustomEvent<unknown>;
}

/** How to hear it. */
interface TerminalEvents {
	addEventListener<K extends keyof PortholeTerminalEventMap>(
		type: K,
		listener: (event: PortholeTerminalEventMap[K]) => void,
		options?: boolean | AddEventListenerOptions,
	): void;
	removeEventListener<K extends keyof PortholeTerminalEventMap>(
		type: K,
		listener: (event: PortholeTerminalEventMap[K]) => void,
		options?: boolean | EventListenerOptions,
	): void;
}

/** A server that renders pages may import this file, and has no elements. The browser's own class does
 *  not know which events there are. */
const Base = (globalThis.HTMLElement ?? class {}) as unknown as new () => TerminalEvents &
	HTMLElement;

const NAME = "porthole-terminal";

const ATTRIBUTES = ["src", "command", "args", "label"] as const;

/** A property that is the attribute of its name. */
function reflected(name: string): PropertyDescriptor & ThisType<HTMLElement> {
	return {
		configurable: true,
		enumerable: true,
		get() {
			return this.getAttribute(name) ?? "";
		},
		set(value: unknown) {
			if (value === null || value === undefined) this.removeAttribute(name);
			else this.setAttribute(name, String(value));
		},
	};
}

/** What an element has of its own for one run. */
interface RunState {
	/** What was asked for. */
	readonly wish: string;
	/** Ends it, and what was made for it. */
	readonly over: AbortController;
}

/**
 * `<porthole-terminal>`: loads the package at `src` and runs `command` (default: its entrypoint) with
 * `args`, quoted as in a shell. `label` is its name for screen readers. It runs when it is in a page.
 *
 * Tab belongs to the program; Escape and then Tab leave the terminal, as does Shift-Tab.
 *
 * Events, none of which bubble: `start` with the Process as `detail`, `exit` with the ExitStatus, and
 * `failure` with the error when a program could not be started. What is in memory is gone after a run.
 */
export class PortholeTerminal extends Base {
	static readonly observedAttributes: readonly string[] = ATTRIBUTES;
	static {
		for (const name of ATTRIBUTES)
			Object.defineProperty(PortholeTerminal.prototype, name, reflected(name));
	}

	/** Where the package is; each property is its attribute, `""` where there is none. */
	declare src: string;
	/** Which of its commands; `""` means its entrypoint. */
	declare command: string;
	/** Its arguments, quoted as in a shell. */
	declare args: string;
	/** The name of the terminal for screen readers. */
	declare label: string;
	#options: SandboxOptions = {};
	#run: RunState | null = null;
	#process: Process | null = null;
	#view: TerminalView | null = null;
	#changeNoted = false;
	/** The focus was in here when a run ended. */
	#focused = false;
	#parts: Parts | null = null;

	constructor() {
		super();
		// What a page has set before this file was there would hide the accessors.
		for (const name of [...ATTRIBUTES, "options"] as const) {
			const early: unknown = Object.getOwnPropertyDescriptor(this, name)?.value;
			if (early === undefined) continue;
			Reflect.deleteProperty(this, name);
			Reflect.set(this, name, early);
		}
	}

	/** What sandboxes are made with: mounts, environment, `workerUrl`. Setting it starts again. Its `signal`
	 *  ends a start, and `onProgress` hears of `src` too. */
	get options(): SandboxOptions {
		return this.#options;
	}

	set options(options: SandboxOptions) {
		// As an attribute that is taken away.
		this.#options = options ?? {};
		this.restart();
	}

	/** What runs. */
	get process(): Process | null {
		return this.#process;
	}

	/** Ends what runs, and starts as the attributes say. */
	restart(): void {
		this.#end();
		this.#noteChange();
	}

	/** The keyboard is the program's; where there is no screen, it is the button's that makes one. */
	override focus(options?: FocusOptions): void {
		if (this.#view === null) this.#parts?.again.focus(options);
		else this.#view.focus();
	}

	connectedCallback(): void {
		this.#noteChange();
	}

	disconnectedCallback(): void {
		this.#noteChange();
	}

	attributeChangedCallback(): void {
		this.#noteChange();
	}

	#noteChange(): void {
		if (this.#changeNoted) return;
		this.#changeNoted = true;
		queueMicrotask(() => {
			this.#changeNoted = false;
			this.#follow();
		});
	}

	/** Brings about what is wanted. */
	#follow(): void {
		const src = this.getAttribute("src") ?? "";
		const label = this.getAttribute("label") ?? "Terminal";
		this.#parts?.screen.setAttribute("aria-label", label);
		const wish = JSON.stringify([src, this.getAttribute("command"), this.getAttribute("args")]);
		const wanted = this.isConnected && src !== "";
		if (wanted && this.#run?.wish === wish) return;
		this.#end();
		if (!wanted) return;
		this.#parts ??= this.#build(label);
		this.#run = { wish, over: new AbortController() };
		void this.#perform(src, this.#parts, this.#run.over.signal);
	}

	#end(): void {
		// The focus goes with the screen, and belongs to the next one.
		this.#focused ||= (this.shadowRoot?.activeElement ?? null) !== null;
		this.#run?.over.abort();
		this.#run = null;
		this.#view = null;
		this.#process = null;
	}

	/** One run, from loading the package to the program's end. */
	async #perform(src: string, parts: Parts, over: AbortSignal): Promise<void> {
		parts.loading(
			src
				.replace(/[?#].*$/s, "")
				.split("/")
				.at(-1) || src,
		);
		const made = new AbortController();
		over.addEventListener("abort", () => made.abort());
		try {
			const status = await this.#work(src, parts, over, made.signal);
			if (over.aborted) return;
			parts.ended(status);
			this.dispatchEvent(new CustomEvent("exit", { detail: status }));
		} catch (error) {
			if (over.aborted) return;
			parts.failed(error);
			this.dispatchEvent(new CustomEvent("failure", { detail: error }));
		} finally {
			if (!over.aborted) this.#process = null;
			made.abort();
		}
	}

	/** Makes what a run needs, and has the program run to its end. The sandbox ends with `made`; the
	 *  screen stays, until the run is `over`. */
	async #work(
		src: string,
		parts: Parts,
		over: AbortSignal,
		made: AbortSignal,
	): Promise<ExitStatus> {
		this.#check();
		const words = splitWords(this.getAttribute("args") ?? "");
		if ("problem" in words) throw new PortholeError("invalid-option", `args: ${words.problem}`);
		const name = this.getAttribute("command");
		const options = this.#options;
		const signal = options.signal ? AbortSignal.any([over, options.signal]) : over;
		const sandbox = await Sandbox.create({ interruptible: true, ...options, signal });
		const close = () => sandbox.close().catch(() => {});
		if (made.aborted) await close();
		else made.addEventListener("abort", close);
		const onProgress = (progress: Progress) => {
			if (over.aborted) return;
			parts.progress(progress);
			options.onProgress?.(progress);
		};
		const [{ TerminalView }, loaded] = await Promise.all([
			import("./terminal-view.ts"),
			sandbox.load(src, { signal, onProgress }),
		]);
		over.throwIfAborted();
		const view = new TerminalView(parts.fresh());
		over.addEventListener("abort", () => view.close());
		this.#view = view;
		const terminal = view.size;
		const process = await sandbox.command(name ?? loaded, [...words.words], { terminal }).spawn();
		this.#started(process, parts, view);
		await view.attach(process);
		const status = await process.status;
		if (status.trap) view.note(status.trap.stack ?? status.trap.message);
		return status;
	}

	/** Errors: `"invalid-option"` for an attribute that is nearly one of ours, and would have no effect. */
	#check(): void {
		for (const name of this.getAttributeNames()) {
			const right = nearAttribute(name, ATTRIBUTES);
			if (right === undefined) continue;
			throw new PortholeError("invalid-option", `${name} is no attribute; did you mean ${right}?`);
		}
	}

	#started(process: Process, parts: Parts, view: TerminalView): void {
		this.#process = process;
		parts.running();
		// Nobody loses a focus that is somewhere else by now.
		const free = [null, document.body, this].includes(document.activeElement as HTMLElement | null);
		if (free && (this.#focused || this.autofocus)) view.focus();
		this.#focused = false;
		this.dispatchEvent(new CustomEvent("start", { detail: process }));
	}

	#build(label: string): Parts {
		const root = this.attachShadow({ mode: "open" });
		const parts = new Parts(label);
		parts.again.addEventListener("click", () => this.restart());
		addSheet(root, ELEMENT_STYLE);
		root.append(parts.screen, parts.state);
		return parts;
	}
}

/** What is in the shadow tree: the screen, and beneath it a line that says what is the matter. */
class Parts {
	readonly screen: HTMLElement;
	readonly again = make("button", { type: "button", part: "button" }, "Start again");
	readonly state: HTMLElement;
	readonly #text = make("p", { role: "status" });
	readonly #problem = make("p", { role: "alert" });
	readonly #bar = make("progress", { max: "1", "aria-label": "Loading" });

	constructor(label: string) {
		this.screen = make("div", {
			class: "screen",
			part: "screen",
			role: "group",
			"aria-label": label,
		});
		const line = make("div", { class: "row" }, this.#text, this.#bar, this.again);
		this.state = make("div", { class: "state", part: "state" }, this.#problem, line);
	}

	/** The place for a new screen, which is all that is left of the one before. */
	fresh(): HTMLElement {
		const host = make("div", { class: "host" });
		this.screen.replaceChildren(host);
		return host;
	}

	loading(name: string): void {
		this.screen.replaceChildren();
		this.#say("loading", `Loading ${name}…`);
	}

	progress({ loaded, total }: Progress): void {
		if (total !== undefined && total > 0) this.#bar.value = loaded / total;
	}

	running(): void {
		this.#say("running", "");
	}

	ended({ success, code, signal }: ExitStatus): void {
		const how = signal === undefined ? `with code ${code}` : `by ${signal}, code ${code}`;
		this.#say(success ? "ended" : "failed", `The program has ended ${how}.`);
	}

	failed(error: unknown): void {
		const code = error instanceof PortholeError ? error.code : "";
		const what = error instanceof Error ? error.message : String(error);
		const next = advice.get(code) ?? "Try again; if it fails again, reload the page.";
		this.#say("failed", "");
		this.#problem.textContent = `The program could not be started: ${what.replace(/(?<![.?])\.?$/, ".")} ${next}`;
	}

	#say(state: "loading" | "running" | "ended" | "failed", text: string): void {
		this.state.dataset.state = state;
		this.#text.textContent = text;
		this.#problem.textContent = "";
		this.#bar.removeAttribute("value");
		this.#bar.hidden = state !== "loading";
		this.again.hidden = state === "loading" || state === "running";
	}
}

const unreachable =
	"Check the address in `src`, and that its server is up and lets pages of this origin read it.";

/** What to do next, by the code of the error; the error itself says what is wrong. */
const advice: ReadonlyMap<string, string> = new Map([
	["http-error", unreachable],
	["network-error", unreachable],
	["missing-command", "Name one of the package's commands as `command`."],
	["invalid-option", "Correct the attributes of the element."],
	[
		"not-supported",
		"Use a current Chrome, Edge, Firefox or Safari: a terminal needs a browser in which programs can wait.",
	],
]);

/** The element in JSX: its attributes, and what every element has. */
export interface PortholeTerminalAttributes {
	src?: string | undefined;
	command?: string | undefined;
	args?: string | undefined;
	label?: string | undefined;
	options?: SandboxOptions | undefined;
	autofocus?: boolean | undefined;
	onstart?: ((event: PortholeTerminalEventMap["start"]) => void) | undefined;
	onexit?: ((event: PortholeTerminalEventMap["exit"]) => void) | undefined;
	onfailure?: ((event: PortholeTerminalEventMap["failure"]) => void) | undefined;
	id?: string | undefined;
	class?: string | undefined;
	className?: string | undefined;
	style?: unknown;
	slot?: string | undefined;
	title?: string | undefined;
	hidden?: boolean | undefined;
	key?: unknown;
	ref?: unknown;
}

/** The elements of this file, by name. A framework whose JSX types are in a module of its own takes
 *  them from here: for React 19, `declare module "react" { namespace JSX { interface
 *  IntrinsicElements extends PortholeElements {} } }`. */
export interface PortholeElements {
	"porthole-terminal": PortholeTerminalAttributes;
}

declare global {
	interface HTMLElementTagNameMap {
		"porthole-terminal": PortholeTerminal;
	}
	namespace JSX {
		interface IntrinsicElements extends PortholeElements {}
	}
}

// On a server there is none; and on a page this file may have been bundled twice.
if (globalThis.customElements?.get(NAME) === undefined) {
	globalThis.customElements?.define(NAME, PortholeTerminal);
}
