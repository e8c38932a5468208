/**
 * What to do about each error of a container: the second sentence of its message.
 */
const damaged =
	"The container is damaged, or was written by a broken packager: fetch or pack it again.";

export const advice = {
	truncated: "The file was cut short: fetch it again.",
	"bad-magic": "Give a .webc file, a legacy .tar.gz package or a WebAssembly module.",
	"not-supported": "Unpack it, and pack it again with gzip.",
	"unknown-version": "Repack the package in version 1, 2 or 3.",
	overflow: "The container is damaged or hostile: do not use it.",
	"too-large": "If you trust the file, raise the limit through the option `caps`.",
	"too-deep": "If you trust the file, raise `caps.depth`.",
	"bad-tag": damaged,
	"bad-length": damaged,
	"bad-span": damaged,
	overlap: "The container is damaged or hostile: do not use it.",
	"bad-name": "Rename the file and pack the package again.",
	"duplicate-name": "Keep one of the two and pack the package again.",
	"bad-cbor": damaged,
	"bad-index": damaged,
	"bad-manifest": "Correct the package's manifest and pack it again.",
	"missing-volume": "Correct the package's manifest and pack it again.",
	"unknown-alias": "Declare the dependency in the package's manifest and pack it again.",
	"bad-mount-path": "Mount inside `/`, and pack the package again.",
	checksum: "Fetch the package again, and do not run it as it is.",
	"no-crypto": "Serve the page over https or from localhost, or set `verify: false`.",
	"bad-archive": "Fetch the archive again, or pack it again with regular files only.",
	"bad-toml": "Correct wasmer.toml and try again.",
	"invalid-option": "Correct the call.",
	"missing-file": "Add the file, or correct wasmer.toml.",
	"no-command": "See the package's `commands` for those it has.",
	"missing-dependency": "Load the dependency first.",
	"missing-atom": "Pack the package again.",
	"dependency-cycle": "Remove one of the dependencies.",
	"dependency-conflict": "Load one version that satisfies every requirement.",
	"bad-module": "Build the module again.",
	"bad-profile": "Record the profile again.",
	"bad-definition": "Correct what was given to the writer.",
} as const;
