import { idleRecipe } from '../../src/crypto/new-recipe.ts';
import { PASSWORD_SCHEMES } from '../../src/crypto/password-hashing.ts';
import { schemeOf } from '../../src/crypto/password-schemes/schemes.ts';

/** A bare key derivation a request, by the scheme that the path names: what a password check costs at least. */
export default {
  async fetch(request: Request): Promise<Response> {
    const wanted = new URL(request.url).pathname.slice(1);
    const scheme = PASSWORD_SCHEMES.find((name) => name === wanted);
    const recipe = scheme && idleRecipe(scheme);
    const digest = recipe && (await schemeOf(recipe)?.derive('correct horse battery staple', recipe));
    return digest ? new Response(digest) : new Response(null, { status: 404 });
  },
};
