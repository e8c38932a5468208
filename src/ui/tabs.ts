/**
 * Tabs as the ARIA practices describe them: one of them in the tab order, arrow keys between them.
 */

export class Tabs {
	readonly #tabs: readonly HTMLElement[];
	/** Called with the panel that is shown. */
	onShow: (panel: string) => void = () => {};

	constructor(list: Element) {
		this.#tabs = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
		for (const tab of this.#tabs) {
			tab.addEventListener("click", () => this.#select(tab));
			tab.addEventListener("keydown", (event) => this.#move(tab, event));
		}
	}

	/** Shows a panel by its id. */
	show(panel: string): void {
		const tab = this.#tabs.find((one) => panelOf(one).id === panel);
		if (tab && panelOf(tab).hidden) this.#select(tab);
	}

	#select(chosen: HTMLElement): void {
		for (const tab of this.#tabs) {
			tab.setAttribute("aria-selected", String(tab === chosen));
			tab.tabIndex = tab === chosen ? 0 : -1;
			panelOf(tab).hidden = tab !== chosen;
		}
		this.onShow(panelOf(chosen).id);
	}

	#move(from: HTMLElement, event: KeyboardEvent): void {
		const index = this.#tabs.indexOf(from);
		const last = this.#tabs.length - 1;
		const steps = new Map([
			["ArrowLeft", index === 0 ? last : index - 1],
			["ArrowRight", index === last ? 0 : index + 1],
			["Home", 0],
			["End", last],
		]);
		const to = this.#tabs[steps.get(event.key) ?? -1];
		if (to === undefined) return;
		event.preventDefault();
		to.focus();
		this.#select(to);
	}
}

function panelOf(tab: HTMLElement): HTMLElement {
	const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
	if (panel === null) throw new Error(`the tab ${tab.id} has no panel`);
	return panel;
}
