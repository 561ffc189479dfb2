import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const GRPC = 'application/grpc+proto';
const GRPC_WEB = 'application/grpc-web+proto';
const HEAD_BYTES = 5;
const TRAILER_FLAG = 0x80;

/** Where native gRPC (HTTP/2 without TLS) is taken and passed on as gRPC-Web. */
export interface GrpcBridge {
  readonly origin: string;
  close(): void;
}

/**
 * Native gRPC for a server that can send no trailers. The frames of both protocols are the same; only the trailers, which gRPC-Web puts into a last
 * frame, are made from that. It knows no message and no method.
 */
export async function startGrpcBridge(target: string): Promise<GrpcBridge> {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    passOn(stream, headers, target).catch(() => stream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

async function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const sent = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !['te', 'host', 'connection', 'content-length'].includes(name));
  const response = await fetch(new URL(headers[':path'] ?? '/', target), {
    method: 'POST',
    headers: { ...(Object.fromEntries(sent) as Record<string, string>), 'content-type': GRPC_WEB, 'x-grpc-web': '1' },
    body: Buffer.concat(chunks),
  });
  const { data, trailers } = split(Buffer.from(await response.arrayBuffer()));
  const told = [...response.headers].filter(([name]) => !['content-type', 'content-length', 'transfer-encoding', 'connection'].includes(name));
  const head = { ...Object.fromEntries(told), ':status': response.status, 'content-type': GRPC };
  if (trailers === undefined) {
    stream.respond(head, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(data);
}

/** The frames of messages, and what the last frame says; none where the status stands in the headers. */
function split(body: Buffer): { data: Buffer; trailers: Record<string, string> | undefined } {
  for (let at = 0; at + HEAD_BYTES <= body.length; at += HEAD_BYTES + body.readUInt32BE(at + 1)) {
    if ((body.readUInt8(at) & TRAILER_FLAG) === 0) continue;
    const lines = body
      .subarray(at + HEAD_BYTES)
      .toString('latin1')
      .split('\r\n');
    const fields = lines.filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
    return { data: body.subarray(0, at), trailers: Object.fromEntries(fields) };
  }
  return { data: body, trailers: undefined };
}
