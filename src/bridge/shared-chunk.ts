/**
 * What page and worker both need, as one file that both load: the wire between them.
 */
export * from "../abi/error.ts";
export * from "./far.ts";
export * from "./not-loaded.ts";
