import * as z from 'zod';
import { cellOfSession } from '../cells/session-id.ts';
import type { Facts } from '../cells/user-protocol.ts';
import { fail, ok } from '../core/result.ts';
import { assuranceOf } from '../core/session/assurance.ts';
import { sessionNotFound } from '../core/session/problems.ts';
import type { Session } from '../core/session/session.ts';
import { digest } from '../crypto/digest.ts';
import { findFacts } from '../directory/facts.ts';
import { hasUsableLink } from '../directory/links.ts';
import { instant, int64, listDetails } from './answers.ts';
import { readyMethods } from './authentication-methods.ts';
import { readerOf } from './caller.ts';
import { presentListDetails } from './list-query.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, toTimestamp } from './protojson.ts';
import { getSessionMessage } from './session-messages.ts';

/** Ours: all that has happened to a session, for those who may read it. */
const events = operation({
  rpc: 'sallyport.session.v2.SessionService/ListSessionEvents',
  routes: ['GET /v2/sessions/{sessionId}/events'],
  input: () => getSessionMessage('v2'),
  output: () =>
    z.object({
      details: listDetails,
      events: z.array(z.object({ sequence: int64, type: z.string(), creationDate: instant, creator: z.string().optional() })),
    }),
  handle: async ({ sessionId, sessionToken }, call) => {
    const reached = await reach(call, sessionId, sessionToken);
    if (!reached.ok) return reached;
    const trail = await reached.value.cell.events(reached.value.query);
    if (!trail.ok) return trail;
    const told = trail.value.map(([sequence, type, at, creator]) =>
      emit({ sequence: String(sequence), type, creationDate: toTimestamp(at), creator }),
    );
    return ok({ details: presentListDetails(told.length, call.now), events: told });
  },
});

/** Ours: how sure one can be of who is signed in, and by what it could become more. */
const assurance = operation({
  rpc: 'sallyport.session.v2.SessionService/GetSessionAssurance',
  routes: ['GET /v2/sessions/{sessionId}/assurance'],
  input: () => getSessionMessage('v2'),
  output: () =>
    z.object({
      amr: z.array(z.string()).optional(),
      aal: z.enum(['AAL0', 'AAL1', 'AAL2']),
      authTime: instant.optional(),
      remainingMethods: z.array(z.string()).optional(),
    }),
  handle: async ({ sessionId, sessionToken }, call) => {
    const reached = await reach(call, sessionId, sessionToken);
    if (!reached.ok) return reached;
    const view = await reached.value.cell.read(reached.value.query);
    if (!view.ok) return view;
    const { session } = view.value;
    const { amr, aal, authTime } = assuranceOf(session);
    return ok(
      emit({
        amr,
        aal: `AAL${aal}`,
        authTime: authTime === undefined ? undefined : toTimestamp(authTime),
        remainingMethods: session.user ? await remaining(call, session.user.id, session) : [],
      }),
    );
  },
});

/** What the user has ready and has not shown in the session yet. */
async function remaining({ db }: Call, userId: string, { factors }: Session): Promise<string[]> {
  const [facts, linked] = await Promise.all([findFacts(db, userId), hasUsableLink(db, userId)]);
  if (facts === undefined) return [];
  const shown: Readonly<Record<string, unknown>> = {
    PASSWORD: factors.password,
    IDP: factors.idpIntent,
    TOTP: factors.totp,
    OTP_SMS: factors.otpSms,
    OTP_EMAIL: factors.otpEmail,
    RECOVERY_CODE: factors.recoveryCode,
    PASSKEY: factors.webAuthN?.userVerified || undefined,
    U2F: factors.webAuthN,
  };
  return readyMethods(facts satisfies Facts, linked, 'v2')
    .filter((name) => shown[name] === undefined)
    .map((name) => `AUTHENTICATION_METHOD_TYPE_${name}`);
}

async function reach({ caller, cells, config }: Call, sessionId: string, sessionToken: string | undefined) {
  const name = await cellOfSession(sessionId, config.sessionIdKeys);
  if (name === undefined) return fail(sessionNotFound);
  const presented = sessionToken === undefined ? undefined : await digest(sessionToken);
  return ok({ cell: cells.session(name), query: { ...readerOf(caller), sessionId, presented } });
}

export const sessionTrailOperations: readonly Operation[] = [events, assurance];
