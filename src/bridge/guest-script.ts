/**
 * The worker's script as a text, where the library carries it (`porthole/inline`): the build puts it in
 * the place of this file. Elsewhere the script is a file, beside the library or where a bundler put it.
 */
export const script: string | null = null;
