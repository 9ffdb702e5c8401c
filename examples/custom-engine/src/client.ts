// The client's end of an exchange: what differs between HTTP/1 and HTTP/2, around the objects of node:http and node:http2.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { FieldList, Link, RequestHead, ResponseHead } from '@weft/http';

export interface Client {
  readonly head: RequestHead;
  readonly link: Link;
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
  /** What came with the head of an upgrade. */
  readonly firstBytes?: Buffer;
  /** Whether the request has a body. */
  readonly hasBody: boolean;
  /** Set when the client left before its response was sent whole; with the code of a reset. */
  gone: { readonly code?: number } | undefined;
  informational(status: number, headers: FieldList): void;
  /** Throws where Node refuses the head. */
  writeHead(head: ResponseHead, close: boolean): void;
  reset(code: number): void;
}

/** Notes when the client leaves: `left` is asked for its code, or undefined when the response was sent whole. */
export function watchClient(client: Client, left: () => Client['gone']): Client {
  const note = (): void => {
    client.gone ??= left();
  };
  client.request.on('error', () => undefined).on('aborted', note);
  client.response.on('error', () => undefined).on('close', note);
  return client;
}

/** Resolves when the link is closed, also one that was closed already. */
export async function whenClosed(link: Link): Promise<void> {
  link.on('error', () => undefined);
  if (!link.closed) await new Promise((resolve) => link.once('close', resolve));
}
