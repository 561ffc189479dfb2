/** In place of Node's `crypto` for bcryptjs (wrangler.toml), which would only make salts with it. */
export default undefined;
