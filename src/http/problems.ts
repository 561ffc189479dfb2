import type { Problem, ProblemKind } from '../core/problem.ts';

/** Each kind of Problem on the wire: the HTTP status, and the gRPC code that the body carries. */
const WIRE: Record<ProblemKind, { readonly status: number; readonly code: number }> = {
  'invalid-argument': { status: 400, code: 3 },
  'not-found': { status: 404, code: 5 },
  'already-exists': { status: 409, code: 6 },
  'permission-denied': { status: 403, code: 7 },
  'resource-exhausted': { status: 429, code: 8 },
  'failed-precondition': { status: 400, code: 9 },
  aborted: { status: 409, code: 10 },
  unimplemented: { status: 501, code: 12 },
  internal: { status: 500, code: 13 },
  unavailable: { status: 503, code: 14 },
  unauthenticated: { status: 401, code: 16 },
  // REST only.
  'method-not-allowed': { status: 405, code: 12 },
  'payload-too-large': { status: 413, code: 8 },
  'key-reused': { status: 422, code: 3 },
};

/** A Problem as an HTTP answer. */
export function problemResponse(problem: Problem): Response {
  return Response.json(problemBody(problem), { status: WIRE[problem.kind].status, headers: problemHeaders(problem) });
}

/** What an answer's headers say of a Problem, in every protocol. */
export function problemHeaders({ kind, message, evidence }: Problem): Headers {
  const headers = new Headers();
  if (evidence?.retryAfterSeconds) headers.set('retry-after', evidence.retryAfterSeconds);
  if (kind === 'unauthenticated') headers.set('www-authenticate', `Bearer error="invalid_token", error_description="${message}"`);
  return headers;
}

interface ProblemBody {
  readonly code: number;
  readonly message: string;
  readonly details?: readonly ProblemDetail[];
}

interface ProblemDetail {
  readonly '@type': string;
  readonly id?: string;
  readonly message: string;
  readonly failedAttempts?: number;
}

/**
 * Zitadel's error body: `ErrorDetail`, or `CredentialsCheckError` where attempts are counted. Without an id there are no details; an empty id
 * (Zitadel has one) leaves its parentheses behind.
 */
export function problemBody({ kind, id, message, evidence }: Problem): ProblemBody {
  const { code } = WIRE[kind];
  if (id === undefined) return { code, message };
  const failedAttempts = evidence?.failedAttempts;
  const type = failedAttempts === undefined ? 'ErrorDetail' : 'CredentialsCheckError';
  const detail = {
    '@type': `type.googleapis.com/zitadel.v1.${type}`,
    ...(id !== '' && { id }),
    message,
    ...(failedAttempts !== undefined && { failedAttempts: Number(failedAttempts) }),
  };
  return { code, message: `${message} (${id})`, details: [detail] };
}
