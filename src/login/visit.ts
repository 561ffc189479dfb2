import type { Context } from 'hono';
import type { LoginEnv } from './room.ts';
import { keepSealed, readSealed } from './sealed-cookie.ts';

/**
 * What the pages remember of a browser between two requests, in a sealed cookie and nowhere else. The session's token is in it, and so never in the hands
 * of a script.
 */
export interface Visit {
  /** The session that this browser is signing in with, or is signed in with. */
  readonly session?: { readonly id: string; readonly token: string } | undefined;
  /** What was typed as login name, whether or not anybody has it. */
  readonly loginName?: string | undefined;
  /** The second factor that was chosen. */
  readonly method?: Method | undefined;
  /** The TOTP that is being set up. */
  readonly enrolling?: { readonly uri: string; readonly secret: string } | undefined;
  /** The passkey that is being added; and to whom, when that is said by a link. */
  readonly adding?: string | undefined;
  readonly addingTo?: string | undefined;
  /** A code that came by a link, to be filled in. */
  readonly code?: string | undefined;
  /** The way to an identity provider that this browser is on. */
  readonly trip?: { readonly id: string; readonly idpId: string } | undefined;
  /** The session that waits for a phone, the number that both show, and until when (milliseconds since 1970). */
  readonly waiting?: { readonly id: string; readonly token: string; readonly number: string; readonly until: number } | undefined;
  /** Whether `session` is that of another device, which this phone signs in for; and the phone's own meanwhile. */
  readonly lent?: boolean | undefined;
  readonly kept?: { readonly id: string; readonly token: string } | undefined;
  /** Recovery codes that were just made, to be shown once. */
  readonly codes?: readonly string[] | undefined;
  /** Where to go in the end. It was found to be allowed. */
  readonly returnTo?: string | undefined;
  /** What the next page has to say, once. */
  readonly notice?: Notice | undefined;
}

/** Second factors, by Zitadel's names. */
export const METHODS = ['PASSKEY', 'U2F', 'TOTP', 'OTP_EMAIL', 'OTP_SMS', 'RECOVERY_CODE'] as const;
export type Method = (typeof METHODS)[number];

/** Something to be told: the name of a text, and the field that it is about. */
export interface Notice {
  readonly text: string;
  readonly field?: string | undefined;
  /** Seconds, where the text speaks of a wait. */
  readonly seconds?: number | undefined;
}

/** What a visit goes back to: where it wants to go, and the device that it signs in for. */
export const begunAs = ({ returnTo, lent, session, kept }: Visit): Visit => ({ returnTo, ...(lent && { lent, session, kept }) });

const VISIT = 'sallyport-login';
const VISIT_LABEL = { purpose: 'login-visit', owner: 'browser' };

/** What is remembered of this browser; nothing, if the cookie is not ours. */
export const readVisit = async (context: Context<LoginEnv>): Promise<Visit> => (await readSealed<Visit>(context, VISIT, VISIT_LABEL)) ?? {};

/** Remembers from now on what `visit` says. */
export const keepVisit = (context: Context<LoginEnv>, visit: Visit): Promise<void> => keepSealed(context, VISIT, VISIT_LABEL, visit);

/** Remembers, and sends the browser on by GET: a reload repeats nothing. */
export async function goOn(context: Context<LoginEnv>, visit: Visit, path = '/login'): Promise<Response> {
  await keepVisit(context, visit);
  return context.redirect(path, 303);
}
