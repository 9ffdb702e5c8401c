// The HTTP/2 sessions of a gRPC server, which hear that it ends in two steps: RFC 9113 §6.8.
//
// The first keeps clear of a defect of Node, 20 to 24 at least (nodejs/node#64113): a stream that is opened on a session after `session.close()` and
// before its GOAWAY is out is refused within nghttp2's receive callback, whereby nghttp2 frees it and then writes into it. After a GOAWAY nghttp2 ignores what is opened.
import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';

/** The highest id: this GOAWAY takes no stream away. The one of `session.close()` says which were not processed. */
const ANY_STREAM = 2 ** 31 - 1;

export class GrpcSessions {
  readonly #sessions = new Set<ServerHttp2Session>();

  /** Of a server that has its injector. grpc-js keeps its HTTP/2 servers private; were they elsewhere, nobody would be told, which the test notices. */
  constructor(server: Server) {
    const servers: unknown = Reflect.get(server, 'http2Servers');
    if (!(servers instanceof Map)) return;
    for (const http2 of servers.keys() as Iterable<Http2Server>) http2.on('session', (session) => this.#add(session));
  }

  /** Asks peers to open no more streams. Resolves when that has left, unless a peer does not read what it gets. */
  async sayGoaway(): Promise<void> {
    for (const session of this.#sessions) if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM);
    await nextTurn();
  }

  #add(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
  }
}
