// Requests of Node's own clients as promises, for cases where the exact bytes do not matter.
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders as Http2Headers } from 'node:http2';
import type { Readable } from 'node:stream';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly body: string;
  readonly trailers: Record<string, string>;
}

export interface Http1Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly trailers?: Record<string, string>;
}

export async function http1(port: number, call: Http1Call = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const headers: OutgoingHttpHeaders = { host: 'web.test', ...call.headers };
    const request = httpRequest({ port, host: '127.0.0.1', agent: false, method: call.method ?? 'GET', path: call.path ?? '/', headers });
    request.on('error', reject);
    request.on('response', (response) => {
      readAll(response).then(
        (body) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            raw: response.rawHeaders,
            body,
            trailers: response.trailers as Record<string, string>,
          }),
        reject,
      );
    });
    if (call.trailers !== undefined) request.addTrailers(call.trailers);
    request.end(call.body);
  });
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
}

export interface Http2Call {
  readonly headers?: Http2Headers;
  readonly body?: string | Buffer;
  readonly trailers?: Http2Headers;
}

/** Rejects with the code of a reset. */
export async function http2(session: ClientHttp2Session, call: Http2Call = {}): Promise<Http2Answer> {
  const stream = session.request(
    { ':path': '/', ':authority': 'web.test', ...call.headers },
    { endStream: call.body === undefined && call.trailers === undefined, waitForTrailers: call.trailers !== undefined },
  );
  if (call.trailers !== undefined) {
    const { trailers } = call;
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  }
  if (call.body !== undefined || call.trailers !== undefined) stream.end(call.body);
  return await answerOf(stream);
}

export class StreamReset extends Error {
  readonly rstCode: number;

  constructor(rstCode: number) {
    super(`stream reset with ${rstCode}`);
    this.rstCode = rstCode;
  }
}

export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return await new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    let ended = false;
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      ended = true;
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      if (!ended || stream.rstCode !== 0) reject(new StreamReset(stream.rstCode));
      else resolve({ status: Number(headers[':status']), headers, body: Buffer.concat(chunks).toString('latin1'), trailers });
    });
  });
}

export async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}
