import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import jsQR from 'jsqr';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, inject } from 'vitest';

/** Where the run leaves what the pages look like. */
const PICTURES = join(import.meta.dirname, 'pictures');

/** How large a QR code is seen, in pixels. */
const SIDE = 400;

/** WCAG 2.2 AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

let browser: Promise<Browser> | undefined;

/** Somebody in front of the login pages, in a browser of their own. */
export class Person {
  readonly page: Page;
  readonly #troubles: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    const origin = new URL(inject('baseUrl')).origin;
    page.on('console', (message) => message.type() === 'error' && this.#troubles.push(message.text()));
    page.on('pageerror', (error) => this.#troubles.push(error.message));
    page.on('request', (request) => {
      const { protocol, origin: asked } = new URL(request.url());
      if (protocol !== 'data:' && asked !== origin && !this.mayVisit.includes(asked)) this.#troubles.push(`a request to ${asked}`);
    });
  }

  /** Origins beside our own that they go to on purpose. */
  mayVisit: string[] = [];

  static async withBrowser(options: BrowserContextOptions = {}): Promise<Person> {
    browser ??= chromium.connectOverCDP(inject('devTools'), { artifactsDir: inject('scratch') });
    const context: BrowserContext = await (await browser).newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
    return new Person(await context.newPage());
  }

  /** An authenticator of theirs: of the device itself, or a key from before FIDO2. */
  async holds(kind: 'passkey' | 'u2f'): Promise<void> {
    const devTools = await this.page.context().newCDPSession(this.page);
    await devTools.send('WebAuthn.enable');
    const options =
      kind === 'u2f'
        ? ({ protocol: 'u2f', transport: 'usb' } as const)
        : ({ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true } as const);
    await devTools.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } });
  }

  async open(path: string): Promise<void> {
    await this.page.goto(new URL(path, inject('baseUrl')).href);
  }

  async reads(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  async fills(label: string, value: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  async presses(name: string): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  async follows(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).click();
  }

  /** To the password page and beyond it. */
  async signsIn(loginName: string, password: string): Promise<void> {
    await this.open('/login');
    await this.fills('E-mail or user name', loginName);
    await this.presses('Continue');
    await this.fills('Password', password);
    await this.presses('Sign in');
  }

  /** What the picture of a QR code says, to whoever points a camera at it. */
  async scans(): Promise<string> {
    const dots = (await this.page.evaluate(`(async () => {
      const picture = new Image();
      picture.src = 'data:image/svg+xml;base64,' + btoa(new XMLSerializer().serializeToString(document.querySelector('.qr svg')));
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: ${SIDE}, height: ${SIDE} });
      const pencil = canvas.getContext('2d');
      pencil.drawImage(picture, 0, 0, ${SIDE}, ${SIDE});
      const { data } = pencil.getImageData(0, 0, ${SIDE}, ${SIDE});
      return Array.from({ length: data.length / 4 }, (_, at) => (data[at * 4] < 128 ? '#' : '.')).join('');
    })()`)) as string;
    const colors = [...dots].flatMap((dot) => (dot === '#' ? [0, 0, 0, 255] : [255, 255, 255, 255]));
    const found = jsQR(new Uint8ClampedArray(colors), SIDE, SIDE);
    if (found === null) throw new Error('there is no QR code to be read');
    return found.data;
  }

  /** The page keeps to WCAG 2.2 AA, as far as a program can tell, and nothing in it is wider than the window. */
  async findsItAccessible(): Promise<void> {
    await this.page.evaluate(axe.source);
    const { violations } = (await this.page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)) as AxeResults;
    const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    expect(faults).toEqual([]);
    const [wide, window] = (await this.page.evaluate('[document.documentElement.scrollWidth, document.documentElement.clientWidth]')) as number[];
    expect(wide).toBeLessThanOrEqual(window ?? 0);
  }

  /** Leaves a picture of the page behind. */
  async takesPicture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  }

  /** Nothing went wrong in their browser, and it asked nobody else for anything. */
  hadNoTrouble(): void {
    expect(this.#troubles).toEqual([]);
  }
}
