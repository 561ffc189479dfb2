import type { Facts, Spender } from '../cells/user-protocol.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Challenges, Opening, OtpChallenge, WebAuthNChallenge } from '../core/session/command.ts';
import type { OtpMethod } from '../core/session/session.ts';
import type { Subject } from '../core/session/subject.ts';
import { type Credential, usableCredentials } from '../core/web-authn/credential.ts';
import { codeLabel, DIGITS, newCode } from '../crypto/one-time-code.ts';
import { seal } from '../crypto/sealed-box.ts';
import { newSecret } from '../crypto/tokens.ts';
import type { Walk } from './walk.ts';

/** PublicKeyCredentialRequestOptionsJSON (WebAuthn L3 section 5.1.10), as far as it is used. */
export interface RequestOptions {
  readonly challenge: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly rpId: string;
  readonly allowCredentials: readonly { readonly type: 'public-key'; readonly id: string }[];
  readonly userVerification: string;
}

/** What was opened, for the caller's own eyes: codes that are handed back, and the options of a WebAuthn challenge. */
export type HandedBack = { readonly [Method in OtpMethod]?: string } & { readonly webAuthN?: RequestOptions };

export interface Opened {
  readonly openings: readonly Opening[];
  readonly handedBack: HandedBack;
}

/** Which session the challenges are for, and the attempt that they are part of. */
interface Purpose extends Spender {
  readonly sessionId: string;
}

/** How long a challenge of WebAuthn can be answered; what it tells the browser, too. */
const ASSERTION_LIFETIME_MS = 5 * 60_000;

const notReady = (id: string): Problem => ({ kind: 'failed-precondition', id, message: "Multifactor OTP (OneTimePassword) isn't ready" });
const NOT_READY: Record<OtpMethod, Problem> = { otpSms: notReady('COMMAND-BJ2g3'), otpEmail: notReady('COMMAND-JKLJ3') };
const nothingUsable: Problem = { kind: 'failed-precondition', id: 'WEBAU-4G8sw', message: 'WebAuthN begin login failed' };

/** The first of the challenges asked for that goes by a factor which the user has not. */
export const challengesHindered =
  ({ webAuthN, ...codes }: Challenges) =>
  (facts: Facts): Problem | undefined => {
    if (webAuthN !== undefined && usable(facts, webAuthN).length === 0) return nothingUsable;
    const missing = (['otpSms', 'otpEmail'] as const).find((method) => codes[method] !== undefined && facts[method] === undefined);
    return missing && NOT_READY[missing];
  };

const usable = ({ credentials }: Facts, { rpId, userVerification }: WebAuthNChallenge): readonly Credential[] =>
  usableCredentials(credentials, rpId, userVerification);

/**
 * Opens the challenges that a request asks for: WebAuthn, SMS, e-mail. Codes are made and sealed for the address that is verified at this moment.
 * Without a subject a WebAuthn challenge is for whoever holds a discoverable credential.
 */
export async function openChallenges(walk: Walk, subject: Subject | undefined, challenges: Challenges, purpose: Purpose): Promise<Result<Opened>> {
  const openings: Opening[] = [];
  let handedBack: HandedBack = {};
  if (challenges.webAuthN) {
    const offered = subject && (await offer(walk, subject, purpose, challenges.webAuthN));
    if (offered && !offered.ok) return offered;
    const { opening, options } = openAssertion(challenges.webAuthN, offered?.value);
    openings.push(opening);
    handedBack = { webAuthN: options };
  }
  for (const method of ['otpSms', 'otpEmail'] as const) {
    const challenge = challenges[method];
    if (challenge === undefined || subject === undefined) continue;
    const opened = await openCode(walk, subject, purpose, method, challenge);
    if (!opened.ok) return opened;
    openings.push(opened.value.opening);
    handedBack = { ...handedBack, ...(challenge.returnCode && { [method]: opened.value.code }) };
  }
  return ok({ openings, handedBack });
}

/** The credentials of the user that a challenge is offered to. */
async function offer(walk: Walk, subject: Subject, purpose: Purpose, challenge: WebAuthNChallenge): Promise<Result<readonly Credential[]>> {
  const permitted = await permit(walk, subject, purpose, undefined);
  if (!permitted.ok) return permitted;
  const credentials = usable(permitted.value, challenge);
  return credentials.length > 0 ? ok(credentials) : fail(nothingUsable);
}

function openAssertion({ rpId, userVerification }: WebAuthNChallenge, offered: readonly Credential[] | undefined) {
  const challenge = newSecret();
  const opening: Opening = {
    method: 'webAuthN',
    id: crypto.randomUUID(),
    challenge,
    rpId,
    userVerification,
    offeredTo: offered?.map(({ id }) => id),
    lifetimeMs: ASSERTION_LIFETIME_MS,
  };
  const allowCredentials = (offered ?? []).map(({ credentialId }) => ({ type: 'public-key' as const, id: credentialId }));
  return { opening, options: { challenge, timeout: ASSERTION_LIFETIME_MS, rpId, allowCredentials, userVerification } };
}

async function openCode(
  walk: Walk,
  subject: Subject,
  purpose: Purpose,
  method: OtpMethod,
  { returnCode, urlTemplate = walk.codes.urlTemplate }: OtpChallenge,
): Promise<Result<{ readonly opening: Opening; readonly code: string }>> {
  const permitted = await permit(walk, subject, purpose, returnCode ? undefined : method);
  if (!permitted.ok) return permitted;
  const to = permitted.value[method];
  if (to === undefined) return fail(NOT_READY[method]);
  const code = newCode(walk.codes.digits, DIGITS);
  const opening: Opening = {
    method,
    id: crypto.randomUUID(),
    box: await seal(walk.sealKeys, codeLabel(purpose.sessionId, to), code),
    lifetimeMs: walk.codes.lifetimeMs,
    delivery: returnCode ? undefined : { to, urlTemplate },
  };
  return ok({ opening, code });
}

async function permit(
  walk: Walk,
  { id: userId, cell }: Subject,
  { attemptId, requestId }: Spender,
  sendBy: OtpMethod | undefined,
): Promise<Result<Facts>> {
  const userCell = walk.cells.user(cell);
  for (;;) {
    const permitted = await userCell.permitChallenge({ userId, attemptId, requestId, sendBy });
    if (permitted.kind === 'permitted') return ok(permitted.facts);
    if (permitted.kind === 'refused') return fail(permitted.problem);
    if (Date.now() > walk.deadline) return fail(unavailable('The credentials are being changed'));
    await userCell.load(userId);
  }
}
