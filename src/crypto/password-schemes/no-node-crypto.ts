/** In place of Node's `crypto` for bcryptjs, which would only make salts with it: to load that would be a fifth of each cold start. */
export default undefined;
