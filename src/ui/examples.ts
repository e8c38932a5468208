/**
 * Things to try with a package: each fills the form, and running it is left to the visitor.
 */

export interface Example {
	readonly title: string;
	readonly command?: string;
	readonly args: string;
	readonly stdin?: string;
	readonly terminal?: "yes";
}

// This Python cannot sleep: its own C library answers that it is not supported.
const python: readonly Example[] = [
	{
		title: "Hello",
		args: `-c "import sys; print('Hello from Python', sys.version.split()[0])"`,
	},
	{
		title: "Count",
		args: `-u -c "import time
for i in range(1, 11):
    print(i)
    wake = time.monotonic() + 0.5
    while time.monotonic() < wake: pass"`,
	},
	{ title: "Ask", args: `-u -c "print('Who are you?'); print('Hello,', input())"` },
	{ title: "A prompt", args: "", terminal: "yes" },
	{
		title: "Write a file",
		args: `-c "open('/files/squares.txt', 'w').writelines(f'{n} {n*n}\\n' for n in range(20))"`,
	},
	{
		title: "Notes that last",
		args: `-c "
with open('/files/notes.txt', 'a') as notes: notes.write('one more\\n')
print(open('/files/notes.txt').read(), end='')"`,
	},
	{ title: "Endless loop", args: `-c "while True: pass"` },
];

const ruby: readonly Example[] = [
	{ title: "Hello", args: `-e 'puts "Hello from Ruby #{RUBY_VERSION}"'` },
	{ title: "Count", args: `-e '1.upto(10) { |i| puts i; sleep 0.5 }'` },
	{ title: "Ask", args: `-e 'puts "Who are you?"; puts "Hello, #{gets}"'` },
];

const php: readonly Example[] = [
	{
		title: "Hello",
		command: "php",
		args: "",
		stdin: `<?php
echo "Hello from PHP ", PHP_VERSION, "\\n";
foreach (range(1, 5) as $n) echo $n, " ", $n * $n, "\\n";
`,
	},
	{ title: "Version", command: "php", args: "-v" },
];

const sqlite: readonly Example[] = [
	{ title: "A query", args: `:memory: "select 'SQLite ' || sqlite_version(), 6 * 7"` },
	{
		title: "A table",
		args: "-batch -header -column :memory:",
		stdin: `create table moons(name, planet, discovered);
insert into moons values
  ('Io', 'Jupiter', 1610), ('Titan', 'Saturn', 1655), ('Triton', 'Neptune', 1846);
select * from moons order by discovered desc;
`,
	},
	{
		title: "A database that lasts",
		args: "-batch /files/visits.db",
		stdin: `create table if not exists visits(at);
insert into visits values (datetime());
select count(*) || ' visits, the first at ' || min(at) from visits;
`,
	},
	{ title: "A prompt", args: "", terminal: "yes" },
];

const quickjs: readonly Example[] = [
	{ title: "Hello", command: "qjs", args: "/usr/share/quickjs/hello.js one 'two words'" },
	{ title: "A prompt", command: "qjs-prompt", args: "", terminal: "yes" },
];

const source = `#include <stdio.h>

int main(void) {
    printf("Hello from C\\n");
    return 0;
}
`;

const clang: readonly Example[] = [
	{ title: "1. Compile", command: "clang", args: "-o /files/hello.o -x c -", stdin: source },
	{
		title: "2. Link",
		command: "wasm-ld",
		args: "-o /files/hello.wasm /files/hello.o",
	},
];

const examples: ReadonlyMap<string, readonly Example[]> = new Map([
	["python", python],
	["ruby", ruby],
	["php", php],
	["sqlite", sqlite],
	["quickjs", quickjs],
	["clang", clang],
]);

/** For packages that nobody has written examples for. */
const common: readonly Example[] = [
	{ title: "No arguments", args: "" },
	{ title: "--version", args: "--version" },
	{ title: "--help", args: "--help" },
];

/** Those of a sample, by its name. */
export function examplesOf(sample: string): readonly Example[] {
	return examples.get(sample) ?? common;
}
