/** The service worker of the tests in which it carries what programs wait for. It keeps no packages. */
import { offline } from "/dist/service-worker.js";

offline({ match: () => false });
