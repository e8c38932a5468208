/** Style sheets that a module imports as text; the bundlers know what to do with them. */
declare module "*.css?inline" {
	const text: string;
	export default text;
}
