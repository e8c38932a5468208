/** Style sheets that a module imports for their effect; the bundler knows what to do with them. */
declare module "*.css";
