import { type Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc-web';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import type { Problem } from '../core/problem.ts';
import { problemBody, problemHeaders } from './problems.ts';

/** A Problem as the answer to a request of this content type: Connect's error, or gRPC's status in headers without a body. */
export function refusalIn(contentType: string, problem: Problem): Response {
  const error = connectErrorOf(problem);
  if (!contentType.startsWith('application/grpc-web')) {
    return Response.json(errorToJson(error, undefined), { status: codeToHttpStatus(error.code), headers: error.metadata });
  }
  return new Response(null, { headers: setTrailerStatus(new Headers({ 'content-type': contentType }), error) });
}

const DETAILS = { ErrorDetail: ErrorDetailSchema, CredentialsCheckError: CredentialsCheckErrorSchema };

/** The code, message and details of the REST body; its headers as metadata. */
function connectErrorOf(problem: Problem): ConnectError {
  const { code, message, details = [] } = problemBody(problem);
  const typed = details.map(({ '@type': type, ...value }) => ({
    desc: DETAILS[type.slice(type.lastIndexOf('.') + 1) as keyof typeof DETAILS],
    value,
  }));
  return new ConnectError(message, code as Code, problemHeaders(problem), typed);
}
