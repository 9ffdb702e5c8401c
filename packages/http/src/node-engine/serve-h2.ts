// Serves one HTTP/2 connection without ALPN, on a link that may already hold bytes (RFC 9113; spec/proxy.md §4.5, §1.5).
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Http2Params, Link, ServerConnection } from '../exchange/engine.ts';
import type { EngineTimers } from '../exchange/timers.ts';
import { requestFromHttp2 } from './h2-fields.ts';
import { H2ServerStream } from './h2-server-stream.ts';
import { keepAlive, openConnectionWindow, sessionOptions } from './h2-settings.ts';
import { SessionLink } from './session-link.ts';
import type { ClientSide } from './sides.ts';

export interface H2ServeOptions {
  readonly link: Link;
  readonly params: Http2Params | undefined;
  readonly timers: EngineTimers;
  readonly onStream: (client: ClientSide) => void;
}

export function serveHttp2(options: H2ServeOptions): ServerConnection {
  const { link, params, timers, onStream } = options;
  let resolveClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  link.once('close', () => resolveClosed());
  if (link.destroyed) {
    resolveClosed();
    return { drain: () => undefined, destroy: () => undefined, closed };
  }
  // Node wraps any Duplex that is no socket.
  const session: ServerHttp2Session = performServerHandshake(new SessionLink(link, 0) as unknown as Socket, sessionOptions(params, 'server'));
  let streams = 0;
  let draining = false;

  const closeNow = session.close.bind(session);
  const close = (): void => {
    if (!session.destroyed) closeNow();
  };
  // Node closes a session itself on the peer's GOAWAY, and then resets each stream that still comes from inside nghttp2's receive
  // function, which goes on reading what that frees (a request and a GOAWAY sent at once suffice). So streams that come are served
  // to the end, and the session closes when there are none.
  session.close = () => {
    draining = true;
    if (streams === 0) setImmediate(closeWhenIdle);
  };
  const closeWhenIdle = (): void => {
    if (streams === 0) close();
  };
  const goAway = (): void => {
    if (draining || session.destroyed) return;
    draining = true;
    // First a GOAWAY that refuses nothing; the second one, after a round trip, names the last stream that got here (RFC 9113 §6.8).
    session.goaway(constants.NGHTTP2_NO_ERROR, MAX_STREAM_ID);
    if (streams === 0 || !session.ping(closeWhenIdle)) setImmediate(closeWhenIdle);
  };
  session.on('error', () => undefined);
  session.on('frameError', () => undefined);
  session.on('close', () => link.destroy());
  session.on('stream', (stream: ServerHttp2Stream, ...received: readonly unknown[]) => {
    streams += 1;
    stream.once('close', () => {
      streams -= 1;
      // nghttp2 reads nothing more, the answer to the ping included, after a GOAWAY and without streams.
      if (draining && streams === 0) setImmediate(closeWhenIdle);
    });
    const raw = received[2] as string[];
    onStream(new H2ServerStream(stream, requestFromHttp2(raw), received[1] as number, goAway));
  });
  openConnectionWindow(session, params);
  const stopPings = keepAlive(
    session,
    params,
    timers,
    () => streams === 0,
    () => session.destroy(new Error('peer does not answer pings')),
  );
  session.once('close', stopPings);
  return { drain: goAway, destroy: (error) => (session.destroyed ? link.destroy(error) : session.destroy(error ?? new Error('connection destroyed'))), closed };
}

const MAX_STREAM_ID = 2 ** 31 - 1;
