// What someone who wants a terminal in a page writes; the program comes from this very page.
import "porthole/element";
import { hello } from "./hello.js";

const terminal = document.querySelector("porthole-terminal");
terminal.setAttribute("src", URL.createObjectURL(new Blob([hello], { type: "application/wasm" })));
