// Reading what an API server answers: whole bodies, and lines of a watch.
import type { IncomingMessage } from 'node:http';
import { isStatus } from './kube-client.ts';
import { codeOfStatus, KubeError } from './kube-error.ts';

/** One page of a list, at most. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** One event of a watch, at most. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

export async function readText(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw new KubeError('PROTOCOL', `${what}: the answer is longer than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw brokenBy(error, what);
  }
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
export async function refusal(response: IncomingMessage, what: string): Promise<KubeError> {
  const text = await readText(response, what);
  const code = response.statusCode ?? 0;
  const retryAfter = Number(response.headers['retry-after']);
  const retry = Number.isFinite(retryAfter) && retryAfter >= 0 ? { retryAfterMs: retryAfter * 1000 } : {};
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
