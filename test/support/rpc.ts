import { type DescMethod, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { errorFromJson } from '@connectrpc/connect/protocol-connect';
import { findTrailerError } from '@connectrpc/connect/protocol-grpc';
import { IdentityProviderService } from '@zitadel/proto/zitadel/idp/v2/idp_service_pb.js';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import { OrganizationService } from '@zitadel/proto/zitadel/org/v2/org_service_pb.js';
import { SessionService } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { SessionService as SessionServiceBeta } from '@zitadel/proto/zitadel/session/v2beta/session_service_pb.js';
import { SettingsService } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import { UserService } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { UserService as UserServiceBeta } from '@zitadel/proto/zitadel/user/v2beta/user_service_pb.js';
import { inject } from 'vitest';

/** The protocols of RPCs, and their content types. */
export const TYPES = {
  'Connect in JSON': 'application/json',
  'Connect in binary': 'application/proto',
  'gRPC-Web': 'application/grpc-web+proto',
} as const;
export type Protocol = keyof typeof TYPES;
export const PROTOCOLS = Object.keys(TYPES) as Protocol[];
export const BINARY_PROTOCOLS = ['Connect in binary', 'gRPC-Web'] as const satisfies Protocol[];

const SERVICES = [SessionService, SessionServiceBeta, UserService, UserServiceBeta, SettingsService, OrganizationService, IdentityProviderService];

/** The short name of a service and its method: `session.v2/SetSession`. */
export type Rpc = `${string}.${'v2' | 'v2beta'}/${string}`;

export function methodOf(rpc: Rpc): DescMethod {
  const [place, name] = rpc.split('/');
  const method = SERVICES.find(({ typeName }) => typeName.startsWith(`zitadel.${place}.`))?.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`${rpc} is not described`);
  return method;
}

export const pathOf = (rpc: Rpc): string => {
  const { parent, name } = methodOf(rpc);
  return `/${parent.typeName}/${name}`;
};

/** One frame of gRPC-Web. */
export function enveloped(message: Uint8Array, flags = 0): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(5 + message.length);
  body[0] = flags;
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, 5);
  return body;
}

/** A message, given as JSON, as the body of a request. */
export function bodyOf(protocol: Protocol, rpc: Rpc, message: object): Uint8Array<ArrayBuffer> {
  if (protocol === 'Connect in JSON') return new Uint8Array(Buffer.from(JSON.stringify(message)));
  const { input } = methodOf(rpc);
  const bytes = toBinary(input, fromJson(input, message as JsonValue));
  return protocol === 'gRPC-Web' ? enveloped(bytes) : new Uint8Array(bytes);
}

/** Posts bytes as they are; as the operator, unless another bearer (or none: '') is given. */
export function post(
  path: string,
  type: string,
  body: BodyInit | null,
  { bearer = inject('adminToken'), headers = {} }: { bearer?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(new URL(path, inject('baseUrl')), {
    method: 'POST',
    headers: { 'content-type': type, ...(bearer !== '' && { authorization: `Bearer ${bearer}` }), ...headers },
    body,
    duplex: 'half',
  } as RequestInit);
}

/** A refusal as every protocol tells it: gRPC code, message, details, and when to come again. */
export interface Refused {
  readonly code: number;
  readonly message: string;
  readonly details: readonly object[];
  readonly retryAfter: string | null;
}

export interface Outcome {
  readonly status: number;
  readonly headers: Headers;
  /** The answer, as JSON; undefined when refused. */
  readonly answer?: JsonValue;
  readonly refused?: Refused;
}

/** What came of a call, read as a client of its protocol reads it. */
export async function outcomeOf(protocol: Protocol, rpc: Rpc, response: Response): Promise<Outcome> {
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { output } = methodOf(rpc);
  if (protocol === 'gRPC-Web') {
    const error = headers.has('grpc-status') ? findTrailerError(headers) : undefined;
    return { status, headers, ...(error ? { refused: told(error, headers) } : { answer: toJson(output, fromBinary(output, unwrapped(bytes))) }) };
  }
  if (status !== 200) {
    const error = errorFromJson(JSON.parse(new TextDecoder().decode(bytes)), undefined, new ConnectError('no error of Connect'));
    return { status, headers, refused: told(error, headers) };
  }
  const answer = protocol === 'Connect in JSON' ? JSON.parse(new TextDecoder().decode(bytes)) : toJson(output, fromBinary(output, bytes));
  return { status, headers, answer };
}

const told = (error: ConnectError, headers: Headers): Refused => ({
  code: error.code,
  message: error.rawMessage,
  details: [CredentialsCheckErrorSchema, ErrorDetailSchema].flatMap((schema) =>
    error.findDetails(schema).map((detail) => ({ '@type': `type.googleapis.com/${schema.typeName}`, ...(toJson(schema, detail) as object) })),
  ),
  retryAfter: headers.get('retry-after'),
});

/** The message in a body of gRPC-Web that ends well. */
function unwrapped(body: Uint8Array): Uint8Array {
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  const trailers = new TextDecoder().decode(body.subarray(5 + length + 5));
  if (body[0] !== 0 || body[5 + length] !== 0x80 || !/^grpc-status: ?0\r\n$/.test(trailers)) throw new Error(`no success: ${trailers}`);
  return body.subarray(5, 5 + length);
}

/** One call with a message. */
export async function call(protocol: Protocol, rpc: Rpc, message: object, options: Parameters<typeof post>[3] = {}): Promise<Outcome> {
  return outcomeOf(protocol, rpc, await post(pathOf(rpc), TYPES[protocol], bodyOf(protocol, rpc, message), options));
}
