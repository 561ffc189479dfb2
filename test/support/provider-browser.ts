/** A browser that logs in at an OpenID provider under a name, and consents. @returns where it is sent at the end: the callback */
export const logInAt = (authUrl: string, name: string): Promise<URL> => goThrough(authUrl, new Browser(({ prompt }) => answerTo(prompt, name)));

/** A browser whose user turns back at the log-in page. */
export const cancelAt = (authUrl: string): Promise<URL> => goThrough(authUrl, new Browser(() => undefined));

async function goThrough(authUrl: string, browser: Browser): Promise<URL> {
  const { origin } = new URL(authUrl);
  let page: Page = { url: new URL(authUrl) };
  for (let steps = 0; steps < 20; steps += 1) {
    page = await browser.visit(page);
    if (page.url.origin !== origin) return page.url;
  }
  throw new Error('the provider goes round and round');
}

/** Where a browser goes next: a link, or a form with what is filled in. */
interface Page {
  readonly url: URL;
  readonly form?: URLSearchParams;
}

/** What a page of the provider asks for: to log in, or to consent. */
interface Question {
  readonly prompt: string;
}

const answerTo = (prompt: string, name: string) => new URLSearchParams(prompt === 'login' ? { prompt, login: name, password: 'any' } : { prompt });

class Browser {
  readonly #answer: (question: Question) => URLSearchParams | undefined;
  readonly #cookies = new Map<string, string>();

  /** @param answer what is filled in; undefined cancels */
  constructor(answer: (question: Question) => URLSearchParams | undefined) {
    this.#answer = answer;
  }

  async visit({ url, form }: Page): Promise<Page> {
    const headers = { cookie: [...this.#cookies].map(([key, value]) => `${key}=${value}`).join('; ') };
    const response = await fetch(url, { method: form ? 'POST' : 'GET', headers, redirect: 'manual', ...(form && { body: form }) });
    for (const cookie of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.#cookies.set(key, value);
    }
    const location = response.headers.get('location');
    return location === null ? this.#fillIn(url, await response.text()) : { url: new URL(location, url) };
  }

  #fillIn(url: URL, page: string): Page {
    const [, action] = /<form[^>]*action="([^"]+)"/.exec(page) ?? [];
    const [, prompt = ''] = /name="prompt" value="([^"]+)"/.exec(page) ?? [];
    const [, cancel] = /href="([^"]+\/abort)"/.exec(page) ?? [];
    if (action === undefined || cancel === undefined) throw new Error(`the provider shows no form: ${page.slice(0, 300)}`);
    const form = this.#answer({ prompt });
    return form ? { url: new URL(action, url), form } : { url: new URL(cancel, url) };
  }
}
