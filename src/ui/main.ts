/**
 * The playground: a page that runs packages, through the public API and nothing else. This file
 * connects its parts; each part has one piece of the page.
 */
import { find, make } from "../element/dom.ts";
import { PortholeError } from "../index.ts";
import { Archives } from "./archives.ts";
import { showEnvironment, showPackage } from "./details.ts";
import { clearProblem, showProblem } from "./error-banner.ts";
import { examplesOf } from "./examples.ts";
import { Files } from "./files.ts";
import { Form } from "./form.ts";
import { bytes } from "./formats.ts";
import { fromHash, type Setup, toHash } from "./link.ts";
import { MountsView } from "./mounts-view.ts";
import { type Choice, nameOf, PackagePicker } from "./package-picker.ts";
import { Runner } from "./runner.ts";
import { listSamples, type Sample } from "./samples.ts";
import { readSavedMounts, type SavedMount } from "./saved-mounts.ts";
import { Session } from "./session.ts";
import { Tabs } from "./tabs.ts";

/** Where the visitor's mounts are written down. */
const SAVED_MOUNTS = "porthole-places";

class Playground {
	readonly #session: Session;
	readonly #samples: readonly Sample[];
	readonly #picker: PackagePicker;
	readonly #form = new Form();
	readonly #files: Files;
	readonly #runner: Runner;
	readonly #tabs: Tabs;
	readonly #mounts: MountsView;
	/** What is loaded. */
	#choice: Choice | null = null;
	/** What is being loaded. */
	#wanted: Choice | null = null;

	constructor(session: Session, picker: PackagePicker, samples: readonly Sample[], tabs: Tabs) {
		this.#session = session;
		this.#tabs = tabs;
		this.#samples = samples;
		this.#picker = picker;
		this.#runner = new Runner(session);
		this.#files = new Files(() => session.sandbox.fs);
		new Archives(this.#files);
		const mounts = new MountsView(session);
		this.#mounts = mounts;
		mounts.onOpen = (path) => {
			this.#tabs.show("panel-files");
			void this.#files.open(path);
		};
		mounts.onAllowed = () => void this.#files.refresh();
		session.onSavedMounts = writeDown;
		this.#files.onLoad = (file) => void this.#load({ kind: "file", file }, null);
		picker.onChoose = (choice) => void this.#load(choice, null);
		picker.onCancel = () => session.cancel();
		this.#form.onRun = () => void this.#run();
		this.#form.onStop = () => this.#runner.stop();
		this.#form.onChange = () => this.#remember();
		this.#runner.onChange = () => this.#update();
		this.#tabs.onShow = (panel) => {
			if (panel === "panel-files") this.#files.refresh();
			if (panel === "panel-mounts") mounts.show();
		};
		const { environment } = session.sandbox;
		showEnvironment(environment);
		if (session.inputBeforeStart) this.#form.inputBeforeStart();
		// The visitor may have been faster.
		if (!find("panel-files", HTMLElement).hidden) void this.#files.refresh();
		addEventListener("keydown", (event) => this.#key(event));
		addEventListener("hashchange", () => this.restore());
		find("share", HTMLButtonElement).addEventListener("click", () => void this.#share());
	}

	/** Loads what was chosen before the page was ready, else what its link says. */
	begin(early: Choice | null): void {
		if (early) this.#load(early, null);
		else this.restore();
	}

	/** Does what the link says: loads and fills in. Running is left to the visitor. */
	restore(): void {
		const setup = fromHash(location.hash);
		const sample = this.#samples.find(({ name }) => name === setup.sample);
		if (sample) this.#load({ kind: "sample", sample }, setup);
		else if (setup.url !== "") this.#load({ kind: "url", url: setup.url }, setup);
		else this.#form.fill(setup);
	}

	/** Loads a package; `setup` is how a link wants it run, null means as its first example. */
	async #load(choice: Choice, setup: Setup | null): Promise<void> {
		const name = nameOf(choice);
		this.#wanted = choice;
		clearProblem();
		this.#picker.mark(choice);
		this.#picker.progress(name, { phase: "connecting", loaded: 0, total: undefined });
		if (setup) this.#form.fill(setup);
		this.#form.touched = false;
		try {
			const found = await this.#session.load(sourceOf(choice), (progress) => {
				if (this.#wanted === choice) this.#picker.progress(name, progress);
			});
			const again = this.#choice !== null && nameOf(this.#choice) === name;
			this.#choice = choice;
			const examples = examplesOf(choice.kind === "sample" ? name : "");
			this.#form.offer(found, examples);
			// What the visitor has written during the load stays.
			if (this.#form.touched) this.#form.choose(setup?.command ?? "");
			else if (setup) this.#form.fill(setup);
			else if (!again) this.#form.fill(examples[0] ?? {});
			showPackage(found, addressOf(choice));
			this.#mounts.refresh();
			showEnvironment(this.#session.sandbox.environment);
			const title = [found.name || name, found.version].filter(Boolean).join(" ");
			this.#picker.settle("ready", `${title} is ready${sizeOf(choice)}`);
			this.#invite(title);
			if (!found.runnable && found.missing.length > 0)
				showProblem(unrunnable(title, found.missing));
			if (!find("panel-files", HTMLElement).hidden) void this.#files.refresh();
			this.#remember();
		} catch (error) {
			if (this.#wanted === choice) this.#failed(error);
		} finally {
			if (this.#wanted === choice) this.#wanted = null;
			this.#update();
		}
	}

	/** What an empty screen says once there is something to run. */
	#invite(title: string): void {
		const keys = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ Enter" : "Ctrl Enter";
		find("empty", HTMLElement).replaceChildren(
			make("p", {}, make("strong", {}, `${title} is ready.`)),
			make("p", {}, `Press Run, or ${keys} anywhere.`),
		);
	}

	#failed(error: unknown): void {
		const before = this.#choice;
		if (before) this.#picker.mark(before);
		const kept = before ? `; ${nameOf(before)} is still loaded` : "";
		if (error instanceof DOMException && error.name === "AbortError") {
			this.#picker.settle("idle", `Loading was cancelled${kept}`);
			return;
		}
		this.#tabs.show("panel-output");
		const { title } = showProblem(error);
		find("empty", HTMLElement).hidden = true;
		this.#picker.settle("failed", `${title}${kept}`);
	}

	async #run(): Promise<void> {
		if (this.#session.package === null || this.#session.running) return;
		const plan = this.#form.plan();
		if (plan === null) return;
		this.#tabs.show("panel-output");
		this.#remember();
		find("panel-output", HTMLElement).scrollIntoView({ block: "nearest" });
		await this.#runner.run(plan);
	}

	#update(): void {
		const { running, package: loaded } = this.#session;
		const runnable = loaded !== null && loaded.commands.length > 0;
		this.#form.allow(runnable && !running, running);
	}

	#key(event: KeyboardEvent): void {
		if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			this.#run();
		} else if (event.key === "Escape") {
			if (this.#session.running) this.#runner.stop();
			else this.#session.cancel();
		}
	}

	/** Keeps the address a link to what the page shows. */
	#remember(): void {
		const choice = this.#choice;
		const hash = toHash({
			sample: choice?.kind === "sample" ? choice.sample.name : "",
			url: choice?.kind === "url" ? choice.url : "",
			...this.#form.fields,
		});
		history.replaceState(null, "", hash === "" ? location.pathname + location.search : `#${hash}`);
	}

	async #share(): Promise<void> {
		const button = find("share", HTMLButtonElement);
		this.#remember();
		const copied = await navigator.clipboard?.writeText(location.href).then(
			() => true,
			() => false,
		);
		const ofFile = this.#choice?.kind === "file" ? " (without your file)" : "";
		button.textContent = copied ? `Copied${ofFile}` : "Copy the address above";
		setTimeout(() => {
			button.textContent = "Copy link";
		}, 2500);
	}
}

/** What running it would end with, said before anybody presses Run. */
function unrunnable(title: string, missing: readonly string[]): PortholeError {
	const names = missing.map((name) => `${name} (function)`).join(", ");
	return new PortholeError(
		"missing-imports",
		`${title} imports what Porthole does not have: ${names}`,
	);
}

function sourceOf(choice: Choice): string | File {
	return choice.kind === "file" ? choice.file : addressOf(choice);
}

/** Where a package came from: an address, or the name of a file. */
function addressOf(choice: Choice): string {
	if (choice.kind === "file") return choice.file.name;
	return choice.kind === "url" ? choice.url : choice.sample.url;
}

function sizeOf(choice: Choice): string {
	if (choice.kind === "url") return "";
	return `, ${bytes(choice.kind === "file" ? choice.file.size : choice.sample.size)}`;
}

/** What was written down at an earlier visit; null also where the browser keeps nothing for this site. */
function writtenDown(): string | null {
	try {
		return localStorage.getItem(SAVED_MOUNTS);
	} catch {
		return null;
	}
}

function writeDown(mounts: readonly SavedMount[]): void {
	try {
		localStorage.setItem(SAVED_MOUNTS, JSON.stringify(mounts));
	} catch {
		// The browser keeps nothing for this site, or has no room; the page goes on without.
	}
}

async function start(): Promise<void> {
	const picker = new PackagePicker();
	const tabs = new Tabs(find("tab-output", HTMLElement).parentElement ?? document.body);
	const listed = listSamples().then((list) => {
		picker.offer(list);
		return list;
	});
	// Who chooses before all is ready is not forgotten.
	let early: Choice | null = null;
	picker.onChoose = (choice) => {
		early = choice;
		picker.mark(choice);
	};
	try {
		const session = await Session.create(readSavedMounts(writtenDown()));
		new Playground(session, picker, await listed, tabs).begin(early);
	} catch (error) {
		const { title } = showProblem(error);
		find("empty", HTMLElement).hidden = true;
		picker.settle("failed", title);
	}
}

start();
