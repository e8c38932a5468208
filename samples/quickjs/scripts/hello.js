/** Says hello, and what it has been given. */
const given = args.slice(1).map((word, i) => `${i + 1}. ${word}`);
print(`Hello from QuickJS. 2n ** 100n is ${2n ** 100n}.`);
if (given.length > 0) print(given.join("\n"));
