// The admin listener's connections: HTTP in plaintext or over mesh TLS, under the inbound policy of its port. spec/proxy.md §8.7.
import { formatSocketAddress, httpClass, type Labels, ReasonError, reason, reasonOf } from '@weft/core';
import type { Exchange } from '@weft/http';
import type { Connection } from '../accept/connections.ts';
import { detectHttp } from '../accept/detect-http.ts';
import { localAddressOf, remoteAddressOf } from '../accept/original-dst.ts';
import { peek } from '../accept/peek.ts';
import type { InboundPolicies } from '../inbound/policies.ts';
import { InboundHttpConnection, type InboundHttpShared } from '../inbound/serve-http.ts';
import { inboundSession, LivePlan, sourceLabels } from '../inbound/session.ts';
import { type TlsDetectOptions, terminateTls } from '../inbound/terminate-tls.ts';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { targetLabels } from '../observe/labels.ts';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { AdminHandler } from './routes.ts';

export interface AdminOptions {
  readonly policyPort: number;
  readonly policies: InboundPolicies;
  readonly tls: TlsDetectOptions;
  readonly http: InboundHttpShared;
  readonly transport: TransportMetrics;
  readonly handler: AdminHandler;
}

/** Of TLS and HTTP detection. */
export const ADMIN_DETECT_TIMEOUT_MS = 1_000;

/** Of a request to the admin listener. */
const MAX_BODY_BYTES = 16 * 1024;

/** Resolves when the connection is closed. Never rejects. */
export async function acceptAdmin(connection: Connection, options: AdminOptions): Promise<void> {
  const { http, policyPort } = options;
  const local = localAddressOf(connection.socket);
  const remote = remoteAddressOf(connection.socket);
  if (!local || !remote) return void connection.socket.destroy();
  const target = { ip: local.ip, port: policyPort };
  const labels: Labels = targetLabels(target);
  const plan = new LivePlan(options.policies.watch(policyPort));
  try {
    const { stream, tls } = await terminateTls(connection.socket, options.tls);
    const session = inboundSession(target, remote, tls, plan);
    options.transport.track(stream, sourceLabels(session));
    const seen = await peek(stream, { timeoutMs: ADMIN_DETECT_TIMEOUT_MS, clock: http.clock });
    if (seen.kind !== 'bytes') throw new ReasonError(reason(seen.kind === 'timeout' ? 'DETECT_TIMEOUT' : 'DETECT_CLOSED'));
    const version = detectHttp(seen.bytes) === 'http/2' ? 'http/2' : 'http/1';
    const served = new InboundHttpConnection('admin', http, session, (exchange, _rule, meter) => {
      void respond(exchange, meter, remote.ip, options);
    });
    const server = http.engine.serve(stream, { version, http2: http.serverHttp2 }, (exchange) => served.handle(exchange));
    connection.enter(server);
    await server.closed;
  } catch (error) {
    http.refusals.connection('admin', reasonOf(error), labels, { client: formatSocketAddress(remote) });
    connection.socket.destroy();
  } finally {
    plan.release();
  }
}

async function respond(exchange: Exchange, meter: HttpMeter, clientIp: string, options: AdminOptions): Promise<void> {
  const { clock } = options.http;
  const startedAt = clock.now();
  meter.request();
  let status = 500;
  try {
    const response = await options.handler(exchange.request, clientIp, async () => exchange.body?.(MAX_BODY_BYTES));
    status = response.status;
    if (!exchange.aborted) exchange.respond(response);
  } catch (error) {
    options.http.refusals.request('admin', reasonOf(error), {}, { path: exchange.request.path });
    if (!exchange.aborted) exchange.respond({ status, headers: [] });
  }
  meter.latency(status, clock.now() - startedAt);
  meter.response(status, httpClass(status, status >= 500));
}
