// Writing answers: one JSON text, or an open body.
import type { ServerResponse } from 'node:http';
import type { ApiError } from '../errors/api-error.ts';
import type { ApiAnswer, StreamOut } from '../rest/api-request.ts';

/** Of all warnings of an answer, in characters. Kubernetes' own limit. */
const MAX_WARNINGS = 4096;

export interface ReplyExtras {
  readonly warnings: readonly string[];
}

export function sendAnswer(response: ServerResponse, answer: ApiAnswer, { warnings }: ReplyExtras): void {
  const headers: Record<string, string | string[]> = { 'cache-control': 'no-cache, private' };
  if (warnings.length > 0) headers.warning = warningsOf(warnings);
  if (answer.kind === 'json') return sendText(response, answer.code, 'application/json', answer.text, headers);
  response.writeHead(200, { ...headers, 'content-type': answer.contentType });
  // The head must be out before the first event: clients wait for it.
  response.flushHeaders();
  answer.run(streamOut(response));
}

/** As many as fit into a head that every client takes. */
function warningsOf(warnings: readonly string[]): string[] {
  const told: string[] = [];
  let length = 0;
  for (const text of warnings) {
    const value = `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?').slice(0, 256))}`;
    length += value.length;
    if (length > MAX_WARNINGS) return [...told, `299 - "and ${warnings.length - told.length} more"`];
    told.push(value);
  }
  return told;
}

export function sendText(
  response: ServerResponse,
  code: number,
  contentType: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | string[]>> = {},
): void {
  response.writeHead(code, { ...headers, 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}

/** A refusal as its Status. What came of the request body is not read any more, so the connection ends where some is left. */
export function sendError(response: ServerResponse, error: ApiError): void {
  const retry = error.status.details?.retryAfterSeconds;
  const headers: Record<string, string> = {};
  if (retry !== undefined && error.status.code === 429) headers['retry-after'] = String(retry);
  if (!response.req.complete) headers.connection = 'close';
  sendText(response, error.status.code, 'application/json', JSON.stringify(error.status), headers);
}

function streamOut(response: ServerResponse): StreamOut {
  return {
    write: (chunk) => response.write(chunk),
    get waiting() {
      return response.writableLength;
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
    onDrain: (fn) => void response.once('drain', fn),
    onClose: (fn) => void response.once('close', fn),
  };
}
