import { type DescMethod, fromBinary, fromJsonString, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf';
import { encodeEnvelopes } from '@connectrpc/connect/protocol';
import { setTrailerStatus, trailerFlag, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { invalid, notBuilt } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Format } from './connect.ts';
import type { Operation } from './operation.ts';
import { methodOf } from './services.ts';

/** How a message's bytes are wrapped into a body. */
interface Wrapping {
  unwrap(body: ArrayBuffer): Result<Uint8Array>;
  wrap(message: Uint8Array): Uint8Array;
}

const bare: Wrapping = { unwrap: (body) => ok(new Uint8Array(body)), wrap: (message) => message };

const ENVELOPE_HEAD_BYTES = 5;
const endOfSuccess = { flags: trailerFlag, data: trailerSerialize(setTrailerStatus(new Headers(), undefined)) };
const envelope: Wrapping = {
  unwrap: (body) => {
    if (body.byteLength < ENVELOPE_HEAD_BYTES) return fail(invalid('invalid request: no message'));
    const head = new DataView(body, 0, ENVELOPE_HEAD_BYTES);
    if (head.getUint8(0) !== 0) return fail(notBuilt('Compression'));
    if (head.getUint32(1) !== body.byteLength - ENVELOPE_HEAD_BYTES) return fail(invalid('invalid request: must be one message'));
    return ok(new Uint8Array(body, ENVELOPE_HEAD_BYTES));
  },
  wrap: (data) => encodeEnvelopes({ flags: 0, data }, endOfSuccess),
};

const WRAPPINGS: readonly (readonly [contentType: string, wrapping: Wrapping])[] = [
  ['application/proto', bare],
  ['application/grpc-web+proto', envelope],
  ['application/grpc-web', envelope],
];

const malformed = fail(invalid('invalid request: malformed protobuf'));

/**
 * An operation's messages in the binary forms of Connect and of gRPC-Web, by content type and by way of their JSON; none where `@zitadel/proto` does
 * not know the messages.
 */
export function formatsOf(operation: Operation): [contentType: string, format: Format][] {
  const method = methodOf(operation.rpc);
  return method === undefined ? [] : WRAPPINGS.map(([contentType, wrapping]) => [contentType, formatOf(method, contentType, wrapping)]);
}

const formatOf = ({ input, output }: DescMethod, contentType: string, { unwrap, wrap }: Wrapping): Format => ({
  read: (body) => {
    const bytes = unwrap(body);
    if (!bytes.ok) return bytes;
    try {
      return ok(toJson(input, fromBinary(input, bytes.value)) as JsonObject);
    } catch {
      return malformed;
    }
  },
  answer: (message) => {
    const bytes = toBinary(output, fromJsonString(output, JSON.stringify(message), { ignoreUnknownFields: true }));
    return new Response(wrap(bytes), { headers: { 'content-type': contentType } });
  },
});
