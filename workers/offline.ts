/** The entry `porthole/service-worker`: what a page's own service worker imports. */
export { type OfflineOptions, offline } from "../src/offline/offline.ts";
