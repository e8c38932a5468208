/**
 * What few pages do with files: loaded together, when a page first does one of them.
 */
export { exportArchive } from "../archive/export.ts";
export { importArchive } from "../archive/import.ts";
export { watch } from "./watch.ts";
