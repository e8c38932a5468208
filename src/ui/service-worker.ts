/**
 * The service worker of the built page: it keeps the page, and the packages that were loaded.
 */
import { offline } from "../../workers/offline.ts";

/** The files that the page is made of; the build writes them here. */
declare const PAGE_FILES: readonly string[];

offline({ precache: PAGE_FILES });
