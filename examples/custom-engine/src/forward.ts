// A request's way through http2-proxy, which pumps the bodies and gives up what one side leaves. Heads and trailers are handed over
// here: the package would rebuild heads, with `forwarded` added and `te` dropped, and has no request trailers.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import {
  type ExchangeObserver,
  type ExchangeOutcome,
  type ForwardFailure,
  type ForwardRules,
  field,
  ORIG_PROTO,
  type RequestHead,
  type ResponseHead,
} from '@weft/http';
import proxy from 'http2-proxy';
import type { Client } from './client.ts';
import { fieldsFrom, grouped, stripHopByHop, upstreamHead } from './heads.ts';
import type { ProxyUpstream } from './upstream.ts';

/** As the package is: its own types ask for a host to connect to and take the answer for a ServerResponse. */
interface ProxyOptions {
  onReq(incoming: unknown, options: unknown): Promise<ClientRequest>;
  onRes(incoming: unknown, outgoing: unknown, answer: IncomingMessage): Promise<void>;
}
const { web, ws } = proxy as unknown as {
  web(request: Client['request'], response: Client['response'], options: ProxyOptions): Promise<void>;
  ws(request: Client['request'], link: Client['link'], firstBytes: Buffer | undefined, options: ProxyOptions): Promise<void>;
};
interface ProxyError extends NodeJS.ErrnoException {
  readonly statusCode?: number;
  readonly connectedSocket?: boolean;
  readonly reusedSocket?: boolean;
}

/** http2-proxy sends no body with these; without one they may be sent twice. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface Forward {
  readonly client: Client;
  readonly upstream: ProxyUpstream;
  readonly rules: ForwardRules;
  readonly observer: ExchangeObserver | null;
}

/** Resolves when all is over; with the failure when nothing was relayed and the client waits for an answer. */
export async function forward({ client, upstream, rules, observer }: Forward): Promise<ForwardFailure | undefined> {
  const { request, response, link, head } = client;
  let outgoingHead: RequestHead | undefined;
  let outgoing: ClientRequest | undefined;
  let sent = false;
  let over = false;
  let tunnel: (() => ExchangeOutcome) | undefined;

  const responseHead = (answer: IncomingMessage): ResponseHead => {
    const own = answer.httpVersion === '1.0' ? '1.0' : '1.1';
    const version = head.version === '2' ? '2' : own;
    const received: ResponseHead = { status: answer.statusCode ?? 0, version, reason: answer.statusMessage, headers: fieldsFrom(answer.rawHeaders) };
    if (answer.statusCode !== 101) stripHopByHop(received.headers);
    rules.response?.(received, head);
    observer?.head?.(received);
    return received;
  };
  const relay = (answer: IncomingMessage): void => {
    const received = responseHead(answer);
    if (client.gone !== undefined) return;
    client.writeHead(received, false);
    (response as ServerResponse).flushHeaders();
    if (observer?.data !== undefined) answer.on('data', (chunk: Buffer) => observer.data?.(chunk.length));
    answer.on('end', () => {
      // Node ends a body that lasts until its connection closes even when that broke; http2-proxy has destroyed it by then.
      if (answer.destroyed) return;
      const trailers = fieldsFrom(answer.rawTrailers);
      if (trailers.length > 0) observer?.trailers?.(trailers);
      response.addTrailers(grouped(trailers));
      response.end();
    });
    answer.pipe(response, { end: false });
  };
  const onUpgrade = (answer: IncomingMessage, socket: Socket, first: Buffer): void => {
    // http2-proxy writes this head and joins the sockets.
    answer.headers = grouped(responseHead(answer).headers);
    const { bytesRead, bytesWritten } = socket;
    tunnel = () => ({ kind: 'tunnel', bytesRead: socket.bytesWritten - bytesWritten, bytesWritten: socket.bytesRead - bytesRead + first.length });
  };
  const send = (): ClientRequest => {
    outgoingHead ??= upstreamHead(head, rules, client.hasBody);
    const created = upstream.request(outgoingHead);
    outgoing = created;
    created.on('error', () => undefined);
    created.once('socket', () => {
      if (!sent) observer?.sent?.();
      if (!sent && head.upgrade) observer?.requestEnd?.();
      sent = true;
    });
    created.on('information', ({ statusCode, rawHeaders }) => client.informational(statusCode, fieldsFrom(rawHeaders)));
    request.once('end', () => created.addTrailers(grouped(fieldsFrom(request.rawTrailers))));
    if (head.upgrade) created.once('upgrade', onUpgrade);
    else refuseUpgrade(created);
    return created;
  };
  const options: ProxyOptions = { onReq: async (_incoming, _options) => send(), onRes: async (_incoming, _outgoing, answer) => relay(answer) };

  const carry = async (mayRepeat: boolean): Promise<ForwardFailure | undefined> => {
    try {
      await (head.upgrade ? ws(request, link, client.firstBytes, options) : web(request, response, options));
      return undefined;
    } catch (error) {
      const { reusedSocket = false } = error as ProxyError;
      const failure = failureOf(error as ProxyError);
      if (failure.kind !== 'closed' || !mayRepeat || !reusedSocket || response.headersSent || client.gone !== undefined) return failure;
      outgoing?.removeAllListeners().on('error', () => undefined);
      return await carry(false);
    }
  };

  upstream.inFlight += 1;
  request.once('end', () => {
    if (!over) observer?.requestEnd?.();
  });
  let failure = upstream.obstacle();
  if (client.hasBody && BODILESS.has(head.method)) failure ??= { kind: 'protocol', error: new Error(`http2-proxy sends no body with ${head.method}`) };
  const carried = head.version === '2' && rules.origProto === 'decode' && field(head.headers, ORIG_PROTO) !== undefined;
  if (carried) failure ??= { kind: 'protocol', error: new Error(`${ORIG_PROTO} is not decoded here`) };
  if (client.gone === undefined) failure ??= await carry(BODILESS.has(head.method));
  upstream.inFlight -= 1;
  over = true;
  if (tunnel !== undefined) {
    link.end(() => link.destroy());
    observer?.end(tunnel());
  } else if (client.gone !== undefined) observer?.end({ kind: 'client-gone', ...client.gone });
  else if (failure === undefined) observer?.end({ kind: 'complete' });
  else {
    observer?.end({ kind: 'failed', failure });
    if (!response.headersSent) return failure;
    client.reset(constants.NGHTTP2_INTERNAL_ERROR);
  }
  return undefined;
}

function failureOf(error: ProxyError): ForwardFailure {
  if (error.connectedSocket === false) return { kind: 'connect', error };
  const invalid = /^(HPE_|ERR_HTTP|ERR_INVALID)/.test(error.code ?? '') || (error.statusCode ?? 500) < 500;
  return { kind: invalid ? 'protocol' : 'closed', error };
}

/** http2-proxy takes any 101 for a tunnel, also one that nobody asked for: its listener gives way to ours. */
function refuseUpgrade(outgoing: ClientRequest): void {
  const refuse = (_answer: unknown, socket: Socket): void => {
    socket.destroy();
    outgoing.emit('error', Object.assign(new Error('unexpected 101'), { code: 'ERR_HTTP_UNEXPECTED_UPGRADE' }));
  };
  outgoing.on('newListener', (event) => {
    if (event === 'upgrade') process.nextTick(() => outgoing.removeAllListeners('newListener').removeAllListeners('upgrade').on('upgrade', refuse));
  });
}
