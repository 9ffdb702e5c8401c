// Reading what an API server answers: whole bodies, and lines of a watch. All of it bounded in size, bodies also in how long they stall.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '@weft/core';
import { isStatus } from './kube-client.ts';
import { codeOfStatus, KubeError } from './kube-error.ts';
import { retryAfterMs } from './retry-after.ts';

/** One page of a list, at most. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** A Status is never longer; more of a refusal is not worth reading. */
const MAX_REFUSAL_BYTES = 1024 * 1024;
/** One event of a watch, at most. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

export interface BodyReading {
  /** For messages: method and path. */
  readonly what: string;
  readonly clock: Clock;
  /** A body that brings nothing for this long is given up. */
  readonly stallMs: number;
}

/** The bytes as they come. Throws KubeError when the connection breaks, stalls, or brings too many. */
export async function* readChunks(
  response: IncomingMessage,
  { what, clock, stallMs }: BodyReading,
  maxBytes = MAX_BODY_BYTES,
): AsyncGenerator<Buffer, void, undefined> {
  const arm = (): ReturnType<Clock['after']> =>
    clock.after(stallMs, () => response.destroy(new KubeError('TIMEOUT', `${what}: the answer stalled for ${stallMs} ms`)));
  let timer = arm();
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      timer.cancel();
      size += chunk.length;
      if (size > maxBytes) throw new KubeError('PROTOCOL', `${what}: the answer is longer than ${maxBytes} bytes`);
      yield chunk;
      timer = arm();
    }
  } catch (error) {
    throw brokenBy(error, what);
  } finally {
    timer.cancel();
  }
}

export async function readText(response: IncomingMessage, reading: BodyReading, maxBytes?: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readChunks(response, reading, maxBytes)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeError('PROTOCOL', `${what}: the answer is not JSON: ${text.slice(0, 120)}`, { cause: error });
  }
}

/** The error for an answer outside 2xx. */
export async function refusal(response: IncomingMessage, reading: BodyReading): Promise<KubeError> {
  const { what, clock } = reading;
  const text = await readText(response, reading, MAX_REFUSAL_BYTES);
  const code = response.statusCode ?? 0;
  const wait = retryAfterMs(response.headers['retry-after'], clock.wall());
  const retry = wait === undefined ? {} : { retryAfterMs: wait };
  try {
    const body: unknown = JSON.parse(text);
    if (isStatus(body)) return new KubeError(codeOfStatus(code, body.reason), `${what}: ${body.message ?? body.reason ?? code}`, { status: body, ...retry });
  } catch (error) {
    return new KubeError(codeOfStatus(code, undefined), `${what}: ${code} ${text.slice(0, 200)}`, { cause: error, ...retry });
  }
  return new KubeError(codeOfStatus(code, undefined), `${what}: ${code} ${text.slice(0, 200)}`, retry);
}

/** The lines of a chunked answer, without their ends. An unfinished last line is dropped: it was cut in mid-event. */
export async function* readLines(response: IncomingMessage, what: string): AsyncGenerator<string, void, undefined> {
  let pending: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        pending.push(chunk.subarray(start, end));
        start = end + 1;
        const line = Buffer.concat(pending).toString('utf8');
        pending = [];
        size = 0;
        if (line.length > 0) yield line;
      }
      if (start < chunk.length) {
        pending.push(chunk.subarray(start));
        size += chunk.length - start;
        if (size > MAX_LINE_BYTES) throw new KubeError('PROTOCOL', `${what}: an event is longer than ${MAX_LINE_BYTES} bytes`);
      }
    }
  } catch (error) {
    throw brokenBy(error, what);
  }
}

function brokenBy(error: unknown, what: string): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError('UNREACHABLE', `${what}: the connection broke`, { cause: error });
}
