/** How many processes a sandbox starts and holds. */

/** So many programs are asked for side by side, unless they may wait in line. */
export const CROWD = 200;

/** Processes of one sandbox: six times as many suspended stacks would end the page without a word. */
export const MOST_PROCESSES = 4000;
