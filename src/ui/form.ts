/**
 * The form that says how to run: command, arguments, environment and the rest. It checks while it
 * is filled in, and yields a plan or the field that needs attention.
 */
import { enable, find, isEnabled, make } from "../element/dom.ts";
import { splitWords } from "../element/shell-words.ts";
import type { Package } from "../index.ts";
import type { Example } from "./examples.ts";
import { count } from "./formats.ts";
import type { Setup } from "./link.ts";
import type { Plan } from "./session.ts";
import { readVariables } from "./variables.ts";

/** What of a link is in this form. */
export type Fields = Omit<Setup, "sample" | "url">;

export class Form {
	readonly #form = find("plan", HTMLFormElement);
	readonly #command = find("command", HTMLSelectElement);
	readonly #args = find("args", HTMLTextAreaElement);
	readonly #env = find("env", HTMLTextAreaElement);
	readonly #stdin = find("stdin", HTMLTextAreaElement);
	readonly #directory = find("directory", HTMLInputElement);
	readonly #timeout = find("timeout", HTMLInputElement);
	readonly #terminal = find("in-terminal", HTMLInputElement);
	readonly #more = find("more", HTMLDetailsElement);
	readonly #examples = find("examples", HTMLElement);
	readonly #run = find("run", HTMLButtonElement);
	readonly #stop = find("stop", HTMLButtonElement);
	onRun: () => void = () => {};
	onStop: () => void = () => {};
	onChange: () => void = () => {};
	/** Whether the visitor has written something since this was last set to false. */
	touched = false;

	constructor() {
		this.#form.addEventListener("submit", (event) => {
			event.preventDefault();
			if (isEnabled(this.#run)) this.onRun();
		});
		this.#stop.addEventListener("click", () => isEnabled(this.#stop) && this.onStop());
		this.#form.addEventListener("input", () => {
			this.touched = true;
			this.#check();
			this.onChange();
		});
	}

	/** The buttons: whether a program can be started, and whether one can be stopped. */
	allow(run: boolean, stop: boolean): void {
		enable(this.#run, run);
		enable(this.#stop, stop);
	}

	/** Says that input has to be there before a program starts. */
	inputBeforeStart(): void {
		find("stdin-note", HTMLElement).textContent =
			"given before the start: this browser cannot let a program wait for you";
		find("terminal-note", HTMLElement).textContent =
			"not in this browser, in which a program cannot wait for keys; see Browser";
		this.#more.open = true;
	}

	/** The commands of a package, its entrypoint first. */
	offer({ commands, entrypoint }: Package, examples: readonly Example[]): void {
		const first = commands.filter((name) => name === entrypoint);
		const others = commands.filter((name) => name !== entrypoint);
		const options = [...first, ...others].map((name) => make("option", {}, name));
		const before = this.#command.value;
		this.#command.replaceChildren(...(options.length > 0 ? options : [make("option", {}, "–")]));
		this.#command.disabled = options.length === 0;
		if (commands.includes(before)) this.#command.value = before;
		this.#examples.replaceChildren(
			...examples.map((example) => {
				const button = make("button", { type: "button" }, example.title);
				button.addEventListener("click", () => {
					this.touched = true;
					this.fill(example);
					this.onChange();
				});
				return button;
			}),
		);
	}

	get fields(): Fields {
		return {
			command: this.#command.disabled ? "" : this.#command.value,
			args: this.#args.value,
			env: this.#env.value,
			stdin: this.#stdin.value,
			directory: this.#directory.value.trim(),
			timeout: this.#timeout.value,
			terminal: this.#terminal.checked ? "yes" : "",
		};
	}

	/** Fills in what is given; a command that the package lacks is passed over. */
	fill(fields: Partial<Fields>): void {
		const { command = "", args, env, stdin, directory, timeout, terminal } = fields;
		this.choose(command);
		if (args !== undefined) this.#args.value = args;
		if (env !== undefined) this.#env.value = env;
		this.#stdin.value = stdin ?? "";
		this.#terminal.checked = terminal === "yes";
		if (directory !== undefined) this.#directory.value = directory;
		if (timeout !== undefined) this.#timeout.value = timeout;
		if (env || stdin || directory || timeout) this.#more.open = true;
		this.#check();
	}

	/** Chooses a command; one that the package lacks is passed over. */
	choose(command: string): void {
		const options = [...this.#command.options].map((option) => option.value);
		if (options.includes(command)) this.#command.value = command;
	}

	/** The plan, or null when a field needs attention: it then has the focus. */
	plan(): Plan | null {
		const words = splitWords(this.#args.value);
		const env = readVariables(this.#env.value);
		if ("problem" in words) return this.#attend(this.#args);
		if ("problem" in env) return this.#attend(this.#env);
		if (!this.#timeout.checkValidity()) return this.#attend(this.#timeout);
		const seconds = this.#timeout.valueAsNumber;
		return {
			command: this.#command.value,
			args: words.words,
			env: env.variables,
			stdin: this.#stdin.value,
			directory: this.#directory.value.trim(),
			timeout: seconds > 0 ? seconds * 1000 : undefined,
			terminal: this.#terminal.checked,
		};
	}

	#attend(field: HTMLElement): null {
		if (this.#more.contains(field)) this.#more.open = true;
		field.focus();
		return null;
	}

	#check(): void {
		const words = splitWords(this.#args.value);
		if ("problem" in words) hint(this.#args, words.problem, true);
		else hint(this.#args, numbered(words.words.length, "argument"), false);
		const env = readVariables(this.#env.value);
		if ("problem" in env) hint(this.#env, env.problem, true);
		else hint(this.#env, numbered(env.count, "variable"), false);
	}
}

function numbered(number: number, noun: string): string {
	return number === 0 ? `No ${noun}s` : count(number, noun);
}

/** The line below a field. */
function hint(field: HTMLElement, text: string, wrong: boolean): void {
	field.setAttribute("aria-invalid", String(wrong));
	find(field.getAttribute("aria-describedby") ?? "", HTMLElement).textContent = text;
}
