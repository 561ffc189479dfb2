import { type DescMethodUnary, type DescService, fromJsonString, type JsonObject, toJson } from '@bufbuild/protobuf';
import { type ConnectError, createConnectRouter, createContextKey, createContextValues, type HandlerContext } from '@connectrpc/connect';
import { universalServerRequestFromFetch, universalServerResponseToFetch } from '@connectrpc/connect/protocol';
import { IdentityProviderService } from '@zitadel/proto/zitadel/idp/v2/idp_service_pb.js';
import { OrganizationService } from '@zitadel/proto/zitadel/org/v2/org_service_pb.js';
import { OrganizationService as OrganizationServiceBeta } from '@zitadel/proto/zitadel/org/v2beta/org_service_pb.js';
import { SessionService } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { SessionService as SessionServiceBeta } from '@zitadel/proto/zitadel/session/v2beta/session_service_pb.js';
import { SettingsService } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import { SettingsService as SettingsServiceBeta } from '@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js';
import { UserService } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { UserService as UserServiceBeta } from '@zitadel/proto/zitadel/user/v2beta/user_service_pb.js';
import type { Context } from 'hono';
import type { Problem } from '../core/problem.ts';
import type { Caller } from './caller.ts';
import { connectErrorOf } from './connect-error.ts';
import { admit, type Env, inTime, note, perform } from './exchange.ts';
import type { Operation } from './operation.ts';

/** The services whose messages have a binary form here, by `@zitadel/proto`. */
const SERVICES: readonly DescService[] = [
  SessionService,
  SessionServiceBeta,
  UserService,
  UserServiceBeta,
  SettingsService,
  SettingsServiceBeta,
  IdentityProviderService,
  OrganizationService,
  OrganizationServiceBeta,
];

type Answer = (context: Context<Env>) => Promise<Response>;

const answers = new Map<Operation, Answer>();

/** The operation over Connect in binary and over gRPC-Web; undefined where `@zitadel/proto` does not know its messages. */
export function protobufHandlerOf(operation: Operation): Answer | undefined {
  const method = methodOf(operation);
  if (method === undefined) return undefined;
  const answer = answers.get(operation) ?? handlerOf(operation, method);
  answers.set(operation, answer);
  return answer;
}

function methodOf({ rpc }: Operation): DescMethodUnary | undefined {
  const [service, name] = rpc.split('/');
  const method = SERVICES.find(({ typeName }) => typeName === service)?.methods.find((candidate) => candidate.name === name);
  return method?.methodKind === 'unary' ? (method as DescMethodUnary) : undefined;
}

const CONTEXT = createContextKey<Context<Env> | undefined>(undefined);
const CALLER = createContextKey<Caller | undefined>(undefined);

/** The message is turned into JSON, and goes the road that JSON goes; so does the answer. The caller is asked for before anything is read. */
function handlerOf(operation: Operation, method: DescMethodUnary): Answer {
  const router = createConnectRouter({ grpc: false, requestGate }).rpc(method, async (message, { values }) => {
    const context = contextOf(values);
    const caller = values.get(CALLER) as Caller;
    const done = await inTime(context, () => perform(context, operation, caller, toJson(method.input, message) as JsonObject));
    if (!done.ok) throw refused(context, done.problem);
    return fromJsonString(method.output, JSON.stringify(done.value), { ignoreUnknownFields: true });
  });
  const [handler] = router.handlers;
  return async (context) => {
    const contextValues = createContextValues().set(CONTEXT, context);
    const answer = await handler?.({ ...universalServerRequestFromFetch(context.req.raw, {}), contextValues });
    return universalServerResponseToFetch(answer ?? { status: 404 });
  };
}

async function requestGate({ values }: HandlerContext): Promise<void> {
  const context = contextOf(values);
  const caller = await inTime(context, () => admit(context));
  if (!caller.ok) throw refused(context, caller.problem);
  values.set(CALLER, caller.value);
}

const contextOf = (values: HandlerContext['values']): Context<Env> => values.get(CONTEXT) as Context<Env>;

function refused(context: Context<Env>, problem: Problem): ConnectError {
  note(context, problem);
  return connectErrorOf(problem);
}
