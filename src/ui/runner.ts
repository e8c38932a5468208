/**
 * A run as the page shows it: state, clock, output, input, and how it ended.
 */
import { enable, find, isEnabled } from "../element/dom.ts";
import type { TerminalView } from "../element/terminal-view.ts";
import { clearProblem, showProblem } from "./error-banner.ts";
import { duration } from "./formats.ts";
import { Output } from "./output.ts";
import type { Ending, Plan, Session } from "./session.ts";

type State = "idle" | "starting" | "running" | "good" | "bad";

export class Runner {
	readonly output = new Output();
	readonly #session: Session;
	readonly #line = find("statusline", HTMLElement);
	readonly #status = find("status", HTMLElement);
	readonly #clock = find("clock", HTMLElement);
	readonly #input = find("input", HTMLInputElement);
	readonly #send = find("send", HTMLButtonElement);
	readonly #end = find("end", HTMLButtonElement);
	readonly #form = find("line", HTMLFormElement);
	readonly #log = find("log", HTMLElement);
	readonly #terminal = find("terminal", HTMLElement);
	/** The terminal, once a program has had one. */
	#view: TerminalView | null = null;
	/** Called when a program starts and ends. */
	onChange: () => void = () => {};

	constructor(session: Session) {
		this.#session = session;
		this.#form.addEventListener("submit", (event) => {
			event.preventDefault();
			if (isEnabled(this.#send)) this.#sendLine();
		});
		this.#end.addEventListener("click", () => isEnabled(this.#end) && this.#endInput());
		session.onSandbox((sandbox) =>
			sandbox.addEventListener("warning", ({ detail }) => {
				if (session.running) this.#note(withAdvice(detail.message));
			}),
		);
		find("clear", HTMLButtonElement).addEventListener("click", () => {
			this.output.clear();
			this.#view?.clear();
		});
	}

	async run(plan: Plan): Promise<void> {
		clearProblem();
		this.output.clear();
		this.#say("starting", `Starting ${plan.command}…`);
		this.#show(plan.terminal);
		const ending = this.#session.run(plan, {
			started: () => this.#started(plan.command),
			output: (stream, text) => this.output.write(stream, text),
			screen: () => this.#screen(),
		});
		this.onChange();
		try {
			this.#ended(await ending);
		} catch (error) {
			const stopped = error instanceof DOMException && error.name === "AbortError";
			this.#say(stopped ? "idle" : "bad", stopped ? "Stopped before it began" : "Not started");
			if (!stopped) showProblem(error);
		} finally {
			this.#allowInput();
			this.onChange();
		}
	}

	/** Shows the terminal, or the log. */
	#show(terminal: boolean): void {
		this.#terminal.hidden = !terminal;
		this.#log.hidden = terminal;
		this.#form.hidden = terminal;
		if (terminal) find("empty", HTMLElement).hidden = true;
	}

	/** The terminal, empty. What draws it is loaded for the first program that has one. */
	async #screen(): Promise<TerminalView> {
		const { TerminalView } = await import("../element/terminal-view.ts");
		this.#view ??= new TerminalView(this.#terminal);
		this.#view.clear();
		return this.#view;
	}

	stop(): void {
		if (!this.#session.running) return;
		this.#status.textContent = "Stopping…";
		this.#session.stop();
	}

	#started(command: string): void {
		this.#say("running", `${command} is running`);
		this.#allowInput();
		if (!this.#terminal.hidden) this.#view?.focus();
		const start = performance.now();
		const tick = () => {
			if (this.#line.dataset.state !== "running") return;
			this.#clock.textContent = duration(Math.floor((performance.now() - start) / 100) * 100);
			setTimeout(tick, 100);
		};
		tick();
	}

	#ended({ status, milliseconds, by }: Ending): void {
		this.output.flush();
		if (this.#terminal.hidden && this.output.empty) this.output.note("(nothing was printed)");
		if (status.trap) this.#note(status.trap.stack ?? status.trap.message);
		this.#say(status.success ? "good" : "bad", describe({ status, milliseconds, by }));
		this.#clock.textContent = duration(milliseconds);
	}

	#note(text: string): void {
		if (this.#terminal.hidden) this.output.note(text);
		else this.#view?.note(text);
	}

	#say(state: State, text: string): void {
		this.#line.dataset.state = state;
		this.#status.textContent = text;
		if (state !== "running") this.#clock.textContent = "";
	}

	#allowInput(): void {
		const on = this.#session.typing;
		this.#input.readOnly = !on;
		this.#input.placeholder = on ? "Type a line" : "Input";
		enable(this.#send, on);
		enable(this.#end, on);
	}

	#sendLine(): void {
		const text = `${this.#input.value}\n`;
		this.output.write("stdin", text);
		this.#session.send(text);
		this.#input.value = "";
	}

	#endInput(): void {
		if (this.#input.value !== "") this.#sendLine();
		this.#session.endInput();
		this.output.note("(end of input)");
		this.#allowInput();
	}
}

/** The library's advice is for who writes the page; this is for who uses this one. */
function withAdvice(message: string): string {
	if (!message.includes("standard input")) return message;
	return `${message}.\nIn this page: fill in “Standard input”, under “Environment, input, …”, and run again.`;
}

/** How a run ended, in a line. */
function describe({ status, by }: Ending): string {
	const { code, signal, trap } = status;
	if (by === "stop") return `Stopped by you (${signal}, code ${code})`;
	if (by === "timeout") return `Stopped by the time limit (${signal}, code ${code})`;
	if (trap) return `Trapped: ${trap.message} (code ${code})`;
	if (signal !== undefined) return `Ended by ${signal} (code ${code})`;
	return `Exited with code ${code}`;
}
