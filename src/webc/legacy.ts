/**
 * Legacy packages, which are a `tar.gz` of files. Refused until `wasmer.toml` is understood here.
 */
import { WebcError } from "./error.ts";
import type { ByteSource, Package } from "./package.ts";
import type { Caps } from "./tree.ts";

export async function readArchive(_source: ByteSource, _caps: Caps): Promise<Package> {
	throw new WebcError("bad-archive", "Legacy tar.gz packages are not read yet", { offset: 0 });
}
