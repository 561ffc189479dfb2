import { newSessionCell } from '../cells/placement.ts';
import { cellOfSession } from '../cells/session-id.ts';
import type { Committed } from '../cells/session-protocol.ts';
import { covers, isNowhere } from '../core/permission.ts';
import { noPermission } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type Challenges, type Checks, needsWrite, type UpdateSession } from '../core/session/command.ts';
import { presentSession } from '../core/session/present.ts';
import { sessionNotFound } from '../core/session/problems.ts';
import { digest } from '../crypto/digest.ts';
import { createSession } from '../login-step/create-session.ts';
import type { HandedBack } from '../login-step/open-challenges.ts';
import { updateSession } from '../login-step/update-session.ts';
import { readerOf, scopeOfCaller } from './caller.ts';
import { repeatableOf } from './idempotency-key.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, type JsonObject, toTimestamp } from './protojson.ts';
import { createSessionMessage, deleteSessionMessage, getSessionMessage, type Progress, setSessionMessage, type Version } from './session-messages.ts';
import { walkOf } from './walk-of.ts';

/** What a request asks for. Parts that were not given are left out. */
function commandOf({ checks, challenges, metadata, lifetime }: Progress): UpdateSession {
  return {
    checks: given(checks ?? {}) as Checks,
    challenges: given(challenges ?? {}) as Challenges,
    metadata: metadata ?? [],
    ...(lifetime !== undefined && { lifetimeMs: lifetime }),
  };
}

const given = (parts: object): object => Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));

const presentDetails = ({ sequence, changeDate }: Committed, { config }: Call): JsonObject => ({
  sequence: String(sequence),
  changeDate: toTimestamp(changeDate),
  resourceOwner: config.instanceId,
});

/** `challenges` is in the answer exactly when it was in the request; codes only where they are handed back. */
function presentChallenges({ challenges }: Progress, { webAuthN, ...codes }: HandedBack): JsonObject {
  if (challenges === undefined) return {};
  const options = webAuthN && { publicKeyCredentialRequestOptions: { publicKey: { ...webAuthN } } };
  return { challenges: { ...(options && { webAuthN: options }), ...codes } };
}

const create = (version: Version): Operation =>
  operation({
    rpc: `zitadel.session.${version}.SessionService/CreateSession`,
    routes: [`POST /${version}/sessions`],
    input: () => createSessionMessage(version),
    success: 201,
    handle: async (input, call) => {
      const repeatable = repeatableOf(call, input);
      if (!repeatable.ok) return repeatable;
      if (!covers(scopeOfCaller(call.caller, 'session.write'))) return fail(noPermission);
      const command = commandOf(input);
      const { config, caller, region, now } = call;
      const created = await createSession(walkOf(call), {
        cellOf: (random) => newSessionCell(region, config.sessionCells, random),
        sessionIdKeys: config.sessionIdKeys,
        callerId: caller.id,
        command: { ...command, ...(input.userAgent && { userAgent: input.userAgent }) },
        repeatable: repeatable.value,
        now,
      });
      if (!created.ok) return created;
      const { sessionId, sessionToken, handedBack } = created.value;
      return ok({ details: presentDetails(created.value, call), sessionId, sessionToken, ...presentChallenges(input, handedBack) });
    },
  });

const set = (version: Version): Operation =>
  operation({
    rpc: `zitadel.session.${version}.SessionService/SetSession`,
    routes: [`PATCH /${version}/sessions/{sessionId}`],
    input: () => setSessionMessage(version),
    handle: async (input, call) => {
      const { sessionId, sessionToken } = input;
      const repeatable = repeatableOf(call, input);
      if (!repeatable.ok) return repeatable;
      const sessionCell = await cellOfSession(sessionId, call.config.sessionIdKeys);
      if (sessionCell === undefined) return fail(sessionNotFound);
      const command = commandOf(input);
      const write = scopeOfCaller(call.caller, 'session.write');
      if ((sessionToken === undefined || needsWrite(command)) && isNowhere(write)) return fail(noPermission);
      const updated = await updateSession(walkOf(call), {
        sessionId,
        sessionCell,
        callerId: call.caller.id,
        sessionToken,
        write,
        command,
        repeatable: repeatable.value,
      });
      if (!updated.ok) return updated;
      const { sessionToken: token, handedBack } = updated.value;
      return ok(emit({ details: presentDetails(updated.value, call), sessionToken: token, ...presentChallenges(input, handedBack) }));
    },
  });

const get = (version: Version): Operation =>
  operation({
    rpc: `zitadel.session.${version}.SessionService/GetSession`,
    routes: [`GET /${version}/sessions/{sessionId}`],
    input: () => getSessionMessage(version),
    handle: ({ sessionId, sessionToken }, call) =>
      inCell(sessionId, call, async (cell) => {
        const presented = await digestOf(sessionToken);
        const view = await cell.read({ ...readerOf(call.caller), sessionId, presented });
        return view.ok ? ok({ session: presentSession(view.value) }) : view;
      }),
  });

const remove = (version: Version): Operation =>
  operation({
    rpc: `zitadel.session.${version}.SessionService/DeleteSession`,
    routes: [`DELETE /${version}/sessions/{sessionId}`],
    input: () => deleteSessionMessage,
    handle: ({ sessionId, sessionToken }, call) =>
      inCell(sessionId, call, async (cell) => {
        const presented = await digestOf(sessionToken);
        const ended = await cell.terminate({ sessionId, callerId: call.caller.id, presented, delete: scopeOfCaller(call.caller, 'session.delete') });
        return ended.ok ? ok({ details: presentDetails(ended.value, call) }) : ended;
      }),
  });

/** Goes to the session's cell, unless the id is one that we never issued. */
async function inCell(
  sessionId: string,
  { cells, config }: Call,
  visit: (cell: ReturnType<Call['cells']['session']>) => Promise<Result<JsonObject>>,
): Promise<Result<JsonObject>> {
  const name = await cellOfSession(sessionId, config.sessionIdKeys);
  return name === undefined ? fail(sessionNotFound) : visit(cells.session(name));
}

const digestOf = async (token: string | undefined): Promise<string | undefined> => (token === undefined ? undefined : digest(token));

/** zitadel.session.v2 and v2beta SessionService: Create, Set, Get, Delete. */
export const sessionOperations: readonly Operation[] = (['v2beta', 'v2'] as const).flatMap((version) => [
  create(version),
  set(version),
  get(version),
  remove(version),
]);
