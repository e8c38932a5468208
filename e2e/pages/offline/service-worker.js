/** The service worker of `index.html`; the limit of its package cache is in its address. */
import { offline } from "/dist/service-worker.js";
import { files } from "/files.js";

const limit = new URL(location.href).searchParams.get("limit");
offline({ precache: ["./", ...files], ...(limit && { limit: Number(limit) }) });
