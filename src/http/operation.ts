import type * as z from 'zod';
import type { Region } from '../cells/placement.ts';
import type { Cells } from '../cells/stubs.ts';
import type { Config } from '../config.ts';
import type { Result } from '../core/result.ts';
import type { Caller } from './caller.ts';
import { once } from './once.ts';
import type { JsonObject } from './protojson.ts';

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One REST form of an operation, its path parameters in braces: `PATCH /v2/sessions/{sessionId}`. */
export type Route = `${Verb} /${string}`;

/** What a handler may use beside its input. */
export interface Call {
  readonly caller: Caller;
  readonly config: Config;
  readonly db: D1Database;
  readonly cells: Cells;
  readonly region: Region;
  /** Goes on with work that nobody waits for, after the answer if need be. */
  readonly later: (work: Promise<void>) => void;
  /** Milliseconds since 1970, read once a request. */
  readonly now: number;
  /** `x-zitadel-orgid`, as it was sent. */
  readonly organizationHeader: string | undefined;
  /** Scheme and host that the request came to. */
  readonly origin: string;
  /** `Idempotency-Key`, as it was sent. */
  readonly idempotencyKey: string | undefined;
}

/** One operation of the API: the one description that REST, Connect, gRPC-Web and the OpenAPI document are made from. */
export interface Operation {
  /** Zitadel's service and method, such as `zitadel.session.v2.SessionService/SetSession`. */
  readonly rpc: string;
  readonly routes: readonly Route[];
  /** The message: body, path parameters and (for GET) query in one. */
  readonly input: () => z.ZodType;
  /** The answer, where `@zitadel/proto` does not describe it; for the document only. */
  readonly output?: () => z.ZodType;
  readonly success: 200 | 201;
  handle(input: unknown, call: Call): Promise<Result<JsonObject>>;
}

/**
 * Describes an operation, with the handler's input typed by its schema. Schemas are made when they are first asked for: making all of them would be
 * most of a cold start.
 */
export function operation<Input extends z.ZodType>(described: {
  rpc: string;
  routes: readonly Route[];
  input: () => Input;
  output?: () => z.ZodType;
  success?: 201;
  handle: (input: z.infer<Input>, call: Call) => Promise<Result<JsonObject>>;
}): Operation {
  const handle = described.handle as Operation['handle'];
  return { ...described, input: once(described.input), success: described.success ?? 200, handle };
}
