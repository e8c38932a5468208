/** Node's Buffer for memfs, which expects it to be there: the bundler puts it where it is named. */
export { Buffer } from "buffer/";
