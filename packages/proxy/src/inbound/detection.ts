// What an inbound connection speaks: TLS first, then the protocol inside, each by the first bytes. spec/proxy.md §2.4 steps 4 to 6.
// Where races are asked for, the application may speak before a silent client; nothing of what it says passes without authorization.
import type { Socket } from 'node:net';
import { formatSocketAddress, type InboundClient, type LogFields, reason, type SocketAddress } from '@weft/core';
import type { Connection } from '../accept/connections.ts';
import { type Detected, detectProtocol } from '../accept/detect.ts';
import type { Race } from '../accept/race.ts';
import type { InboundOptions } from './options.ts';
import { type InboundSession, inboundSession, type LivePlan } from './session.ts';
import { terminateTls } from './terminate-tls.ts';

export class InboundDetection {
  #race: Race | undefined;
  readonly #connection: Connection;
  readonly #target: SocketAddress;
  readonly #remote: SocketAddress;
  readonly #address: string;
  readonly #plan: LivePlan;
  readonly #options: InboundOptions;
  readonly #since: number;
  #serverFirst = false;

  constructor(connection: Connection, target: SocketAddress, remote: SocketAddress, plan: LivePlan, options: InboundOptions) {
    this.#connection = connection;
    this.#target = target;
    this.#remote = remote;
    this.#address = formatSocketAddress(target);
    this.#plan = plan;
    this.#options = options;
    this.#since = options.tls.clock.now();
  }

  /** Terminates TLS that is meant for this workload. Rejects with a ReasonError. */
  async terminate(): Promise<{ readonly stream: Socket; readonly session: InboundSession }> {
    const { racing } = this.#options;
    if (!racing?.meshed.has(this.#remote.ip)) this.#start({ ip: this.#remote.ip, tls: { kind: 'none' } }, true);
    const { stream, tls, serverFirst } = await terminateTls(this.#connection.socket, this.#options.tls, this.#race?.serverSpoke);
    this.#serverFirst = serverFirst;
    if (tls.kind === 'established') {
      racing?.meshed.add(this.#remote.ip);
      this.#race?.drop();
      this.#race = undefined;
    }
    return { stream, session: inboundSession(this.#target, this.#remote, tls, this.#plan) };
  }

  /** What is spoken inside. Rejects with DETECT_CLOSED. */
  async protocol(stream: Socket, session: InboundSession): Promise<Detected['protocol']> {
    const { kind } = this.#plan.current;
    if (session.tls.kind === 'passthrough' || kind === 'tls' || kind === 'opaque') return 'opaque';
    if (kind === 'http2' || kind === 'grpc') return 'http/2';
    // A meshed peer may have upgraded what the port calls HTTP/1.
    if (kind === 'http1' && session.tls.kind !== 'established') return 'http/1';
    const { protocol, why } = await this.#look(stream, session);
    if (why.code === 'DETECTED_SERVER_FIRST') this.#options.racing?.serverFirst.add(this.#address);
    if (protocol !== 'opaque') this.#race?.drop();
    return kind === 'http1' && why.code === 'DETECT_TIMEOUT' ? 'http/1' : protocol;
  }

  /** Connects to the application, unless a race has done so. */
  dial(): Promise<Socket> {
    return this.#race?.take() ?? this.#options.tcp.applications.dial(this.#target, this.#connection.signal);
  }

  async #look(stream: Socket, session: InboundSession): Promise<Detected> {
    const { detect, racing, tls } = this.#options;
    const { labels: server, detectTimeoutMs, kind } = this.#plan.current;
    const fields: LogFields = { target: this.#address, client: formatSocketAddress(this.#remote) };
    if (this.#serverFirst) {
      const why = reason('DETECTED_SERVER_FIRST');
      detect.detected('inbound', { result: 'not_http', why, ms: tls.clock.now() - this.#since }, server, fields);
      return { protocol: 'opaque', why };
    }
    if (kind === 'detect' && racing?.serverFirst.has(this.#address)) {
      const why = reason('DETECTED_REMEMBERED');
      detect.known('inbound', why, fields);
      return { protocol: 'opaque', why };
    }
    if (session.tls.kind === 'established') this.#start(session.client, false);
    const timeoutMs = detectTimeoutMs ?? tls.timeoutMs;
    return detectProtocol(stream, { direction: 'inbound', timeoutMs, clock: tls.clock, metrics: detect, server, fields, race: this.#race });
  }

  /** Only for clients that may exchange bytes with the application, on ports that leave the protocol open. */
  #start(client: InboundClient, hello: boolean): void {
    const { racing, tcp } = this.#options;
    const { kind, tcp: authorizer } = this.#plan.current;
    if (!racing || kind !== 'detect' || authorizer.authorize(client).kind !== 'allowed') return;
    this.#race = racing.start((signal) => tcp.applications.dial(this.#target, signal), this.#connection.signal, hello);
  }
}
