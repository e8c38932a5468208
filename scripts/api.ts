/**
 * `npm run api`: writes `api-report.md`, the public API as one file that a review can read.
 *
 * Each entry point is a chapter of the declarations it exports, taken from the emitted types, in
 * alphabetical order; a chapter ends with the types that these mention without exporting them,
 * because a change there is a change of the API as well. With `--check` it writes nothing and fails
 * when the file is not what would be written.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { declarationOf } from "./declarations.ts";
import { ENTRIES, type EntryPoint } from "./entries.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TYPES = resolve(ROOT, "dist/types");
const REPORT = resolve(ROOT, "api-report.md");

const entries = ENTRIES.filter((entry) => entry.typed);
const unbuilt = entries.filter((entry) => !existsSync(resolve(ROOT, declarationOf(entry))));
if (unbuilt.length > 0) {
	console.error('api: the types are not built; run "npm run build" first');
	exit(1);
}
const program = ts.createProgram(
	entries.map((entry) => resolve(ROOT, declarationOf(entry))),
	{
		target: ts.ScriptTarget.ES2023,
		module: ts.ModuleKind.ESNext,
		moduleResolution: ts.ModuleResolutionKind.Bundler,
		lib: ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
		types: [],
	},
);
const printer = ts.createPrinter({ removeComments: true });
const checker = program.getTypeChecker();
/** What an earlier chapter exports is not repeated in a later one that only mentions it. */
const shown = new Set<ts.Symbol>();
const report = `# The public API\n\nWritten by \`npm run api\`; a change here is a change for users.\n${entries
	.map(chapter)
	.join("")}`;

if (!argv.includes("--check")) {
	writeFileSync(REPORT, report);
	console.log("api: wrote api-report.md");
} else if (!existsSync(REPORT) || readFileSync(REPORT, "utf8") !== report) {
	console.error('api: the public API differs from api-report.md; run "npm run api" and review it');
	exit(1);
} else {
	console.log("api: api-report.md is what the types say");
}

function chapter(entry: EntryPoint): string {
	const name = entry.subpath === "." ? "porthole" : `porthole/${entry.subpath?.slice(2)}`;
	const same = entries.find((other) => other.source === entry.source);
	if (same && same !== entry) {
		return `\n## \`${name}\`\n\nThe same as \`porthole\`.\n`;
	}
	const file = program.getSourceFile(resolve(ROOT, declarationOf(entry)));
	const module = file && checker.getSymbolAtLocation(file);
	const symbols = module ? checker.getExportsOfModule(module) : [];
	if (symbols.length === 0) {
		return `\n## \`${name}\`\n\nExports nothing; it is imported for what it does.\n`;
	}
	const exported = new Set(symbols.map(target));
	const mentioned = mentionedBy(exported);
	const hidden = [...mentioned].filter((symbol) => !exported.has(symbol) && !shown.has(symbol));
	for (const symbol of exported) shown.add(symbol);
	const names = (symbols: Iterable<ts.Symbol>): ts.Symbol[] =>
		[...symbols].sort((a, b) => (a.name < b.name ? -1 : 1));
	const parts = [`\n## \`${name}\`\n`, block(names(exported))];
	if (hidden.length > 0) parts.push("\nMentioned, but not exported:\n", block(names(hidden)));
	return parts.join("");
}

function block(symbols: readonly ts.Symbol[]): string {
	return `\n\`\`\`ts\n${symbols.flatMap(declarations).join("\n\n")}\n\`\`\`\n`;
}

/** The declarations of a symbol without their comments: the report is about shapes. */
function declarations(symbol: ts.Symbol): string[] {
	return (symbol.declarations ?? []).map((node) => {
		const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node;
		return uncommented(whole)
			.replace(/^export /, "")
			.replace(/^declare /, "");
	});
}

function uncommented(node: ts.Node): string {
	return printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()).trim();
}

/** All symbols of ours that the declarations of `roots` mention, and those they mention in turn. */
function mentionedBy(roots: Iterable<ts.Symbol>): Set<ts.Symbol> {
	const seen = new Set<ts.Symbol>(roots);
	const visit = (node: ts.Node): void => {
		if (ts.isIdentifier(node)) {
			const symbol = checker.getSymbolAtLocation(node);
			if (symbol) add(target(symbol));
		}
		ts.forEachChild(node, visit);
	};
	const add = (symbol: ts.Symbol): void => {
		if (seen.has(symbol) || !symbol.declarations?.some(isOurs)) return;
		seen.add(symbol);
		for (const node of symbol.declarations) visit(node);
	};
	for (const root of roots) for (const node of root.declarations ?? []) visit(node);
	return seen;
}

/** A statement of one of our files; not a member, a parameter or a type parameter. */
function isOurs(node: ts.Declaration): boolean {
	const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
	// A file that is mentioned as a whole has no parent.
	if (statement.parent === undefined) return false;
	return ts.isSourceFile(statement.parent) && statement.getSourceFile().fileName.startsWith(TYPES);
}

function target(symbol: ts.Symbol): ts.Symbol {
	return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}
