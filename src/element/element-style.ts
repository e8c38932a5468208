/**
 * The look of `<porthole-terminal>`, as text: it goes into the shadow tree, where no style sheet of the
 * page reaches. A page changes it on the element itself: `height`, `color`, `background`, `font-size`,
 * `color-scheme`; or by the parts `screen`, `state` and `button`.
 */
export const ELEMENT_STYLE = `
:host {
	display: flex;
	flex-direction: column;
	height: 24rem;
	color-scheme: light dark;
	color: light-dark(#1a2529, #dde6e9);
	background: light-dark(#fbfcfc, #0d1214);
	font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
	position: relative;
	overflow: hidden;
}
:host([hidden]), [hidden] { display: none !important; }
.screen { flex: 1 1 6rem; min-height: 0; position: relative; }
.host { position: absolute; inset: 0.5rem 0.25rem 0.5rem 0.6rem; color: inherit; background: inherit; }
.screen, .state { background: inherit; }
.state { padding: 0.4rem 0.6rem; border-top: 1px solid light-dark(#d3dcdf, #313d43); }
.state[data-state="running"] { display: none; }
.state[data-state="loading"] { position: absolute; inset: auto 0 0; }
.state[data-state="failed"] { border-top: 2px solid light-dark(#b3261e, #ff8f86); }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 0.8rem; }
p { margin: 0; overflow-wrap: anywhere; }
p:empty { position: absolute; }
p[role="alert"]:not(:empty) { margin-bottom: 0.4rem; color: light-dark(#b3261e, #ff8f86); }
p[role="alert"] { max-height: 10rem; overflow-y: auto; }
progress { flex: 1; max-width: 16rem; accent-color: light-dark(#0b7285, #58c4d8); }
button {
	min-height: 2rem;
	padding: 0.2rem 0.8rem;
	border: 1px solid light-dark(#84949b, #66767d);
	border-radius: 6px;
	background: transparent;
	color: inherit;
	font: inherit;
	cursor: pointer;
}
button:focus-visible { outline: 2px solid light-dark(#0b7285, #58c4d8); outline-offset: 2px; }
`;
