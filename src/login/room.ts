import type { Client } from './client.ts';
import type { Language } from './language.ts';
import type { Visit } from './visit.ts';

/** What the pages find in the context of a request. */
export interface LoginEnv {
  Bindings: object;
  Variables: {
    language: Language;
    visit: Visit;
    /** The API, as the login pages have it. */
    api: Client;
    /** The API, as whoever holds another bearer has it: a session's token. */
    apiAs: (bearer: string) => Client;
    /** The watch of a session, as the login pages may read it. */
    watch: (sessionId: string) => Promise<WebSocket | undefined>;
  };
}
