import { env } from 'cloudflare:workers';

/** What becomes of a query: it is not carried out; it is, and the answer is lost; or nothing is ever heard of it. */
export type Fate = 'fails' | 'is carried out unheard' | 'hangs';

type Send = (...args: unknown[]) => Promise<unknown>;

const outage = () => new Error('D1_ERROR: Network connection lost. SECRET');

let asked = 0;
let fated: { readonly nth: number; readonly fate: Fate } | undefined;
let isCounting = false;

/**
 * While some work goes on, the nth query of whoever asks D1 (the Worker, a cell, an alarm: they share an isolate) meets a fate. A batch is one query, as it is one
 * message. @returns how many queries there were
 */
export async function withFault(nth: number, fate: Fate, work: () => Promise<unknown>): Promise<number> {
  [asked, fated, isCounting] = [0, { nth, fate }, true];
  try {
    await work();
  } finally {
    isCounting = false;
  }
  return asked;
}

/** D1 is down as long as some work goes on. */
export async function withoutD1(work: () => Promise<unknown>): Promise<void> {
  await withFault(0, 'fails', work);
}

function intercepted(send: Send): Send {
  return async function (this: unknown, ...args) {
    if (!isCounting) return send.apply(this, args);
    asked += 1;
    const meets = fated?.nth === asked || fated?.nth === 0;
    if (!meets) return send.apply(this, args);
    if (fated?.fate === 'hangs') return new Promise(() => {});
    if (fated?.fate === 'is carried out unheard') await send.apply(this, args);
    throw outage();
  };
}

function intercept(prototype: object, verbs: readonly string[]): void {
  for (const verb of verbs) {
    const send = Reflect.get(prototype, verb) as Send;
    Object.defineProperty(prototype, verb, { value: intercepted(send), configurable: true, writable: true });
  }
}

intercept(Object.getPrototypeOf(env.DB.prepare('SELECT 1')), ['all', 'first', 'raw', 'run']);
intercept(Object.getPrototypeOf(env.DB), ['batch', 'exec']);
