// How protocols of connections were found: Linkerd's metrics of detection, ours by reason code, and a log record each.
// spec/proxy.md §9.4.
import {
  type Family,
  formatIdentityId,
  formatReason,
  type Gauge,
  type IdentityId,
  type Labels,
  type LogFields,
  type Logger,
  type Metadata,
  type MetricRegistry,
  type Reason,
} from '@weft/core';
import type { TransportHeader } from '@weft/tls';
import { parentLabels } from './labels.ts';

/** Linkerd's `result` label. */
export type DetectResult = 'http/1' | 'http/2' | 'not_http' | 'read_timeout' | 'error';

/** What the control plane says of a target, as `protocol` label. */
export type DeclaredProtocol = 'http/1' | 'http/2' | 'detect' | 'opaq' | 'tls';

export interface Detection {
  readonly result: DetectResult;
  readonly why: Reason;
  readonly ms: number;
}

export interface DetectMetrics {
  /** `server`: srv_* labels (inbound). */
  detected(direction: 'inbound' | 'outbound', detection: Detection, server: Labels, fields: LogFields): void;
  /** A verdict without looking. */
  known(direction: 'inbound' | 'outbound', why: Reason, fields: LogFields): void;
  /** An outbound connection whose target has this protocol by its policy. */
  declared(protocol: DeclaredProtocol, parent: Metadata): void;
  header(header: TransportHeader, clientId: IdentityId): void;
  /** Targets whose servers are known to speak first. */
  readonly serverFirst: Family<Gauge>;
}

const DURATION_BUCKETS = [0.001, 0.1];

export function detectMetrics(registry: MetricRegistry, logger: Logger): DetectMetrics {
  const verdicts = registry.counter('weft_detect_verdicts_total', 'Connections by how their protocol was found: the reason code of the verdict.');
  const results = {
    inbound: registry.counter('inbound_tcp_detect_http_results_total', 'The total number of results of HTTP protocol detection.', { evictable: true }),
    outbound: registry.counter('outbound_tcp_detect_http_results_total', 'The total number of results of HTTP protocol detection.'),
  };
  const durations = {
    inbound: registry.histogram('inbound_tcp_detect_http_duration_seconds', 'Time taken for HTTP protocol detection.', DURATION_BUCKETS, { evictable: true }),
    outbound: registry.histogram('outbound_tcp_detect_http_duration_seconds', 'Time taken for HTTP protocol detection.', DURATION_BUCKETS),
  };
  const protocols = registry.counter('outbound_tcp_protocol_connections_total', 'Outbound TCP connections by the protocol of their target.', {
    evictable: true,
  });
  const headers = registry.counter('inbound_tcp_transport_header_connections_total', 'TCP connections with transport headers.', { evictable: true });

  const say = (direction: string, why: Reason, fields: LogFields): void => {
    verdicts.with({ direction, reason: why.code }).inc();
    if (logger.enabled('debug')) logger.log('debug', 'protocol found', { direction, reason: why.code, why: formatReason(why), ...fields });
  };

  return {
    detected(direction, { result, why, ms }, server, fields) {
      results[direction].with({ result, ...server }).inc();
      durations[direction].with(server).observe(ms / 1_000);
      say(direction, why, { ...fields, ms });
    },
    known: say,
    declared: (protocol, parent) => protocols.with({ protocol, ...parentLabels(parent) }).inc(),
    header({ port, name, sessionProtocol }, clientId) {
      const session = sessionProtocol === undefined ? '' : sessionProtocol === 'http1' ? 'http/1' : 'http/2';
      headers.with({ session_protocol: session, target_port: port, target_name: name ?? '', client_id: formatIdentityId(clientId) }).inc();
    },
    serverFirst: registry.gauge('weft_detect_server_first_targets', 'Targets whose servers spoke first a while ago: their connections are opaque at once.'),
  };
}
