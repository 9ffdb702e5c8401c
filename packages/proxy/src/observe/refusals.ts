// One place through which every refusal goes: a log record, Linkerd's error counters, and ours by reason code.
// spec/proxy.md §9.2.
import { type Clock, formatReason, type Labels, type LogFields, type Logger, type MetricRegistry, type Reason, type ReasonCode } from '@weft/core';
import { RefusalLog } from './refusal-log.ts';

export type Direction = 'inbound' | 'outbound' | 'admin';

/** Listeners that carry no traffic of applications: Linkerd counts none of their errors. */
function isOwn(direction: Direction | 'tap'): direction is 'admin' | 'tap' {
  return direction === 'admin' || direction === 'tap';
}

export interface Refusals {
  /** A connection was refused or broken. `labels`: target_* for the error counters. */
  connection(direction: Direction | 'tap', why: Reason, labels: Labels, fields?: LogFields): void;
  /** An endpoint could not be connected to; what waited for it is counted by itself. `labels`: of the endpoint. */
  connecting(direction: Direction, why: Reason, labels: Labels): void;
  /** A request was answered by the proxy itself. `labels`: target_* and srv_* (inbound). */
  request(direction: Direction, why: Reason, labels: Labels, fields?: LogFields): void;
}

/** Ordinary verdicts that Linkerd does not count as errors. */
const NOT_AN_ERROR: ReadonlySet<ReasonCode> = new Set(['CLIENT_GONE', 'REQUEST_INVALID']);

/** Inbound these have counters of their own, and no other; what a rate limit denies counts in its own and here. */
const POLICY_VERDICTS: ReadonlySet<ReasonCode> = new Set(['UNAUTHORIZED', 'ROUTE_NOT_FOUND']);

const QUIET: ReadonlySet<ReasonCode> = new Set(['CLIENT_GONE', 'DETECT_CLOSED', 'DRAINING', 'REDIRECTED', 'FAILURE_INJECTED']);

export function refusals(registry: MetricRegistry, logger: Logger, clock: Clock): Refusals {
  const log = new RefusalLog(logger, clock);
  const byReason = registry.counter('weft_refusals_total', 'Connections and requests refused or failed by the proxy, by reason code.');
  const connectErrors = registry.counter('weft_connect_errors_total', 'Failed attempts to connect to an endpoint, by reason code.');
  const errors = {
    connection: {
      inbound: registry.counter('inbound_tcp_errors_total', 'The total number of inbound TCP connections that could not be processed due to a proxy error.'),
      outbound: registry.counter('outbound_tcp_errors_total', 'The total number of outbound TCP connections that could not be processed due to a proxy error.'),
    },
    request: {
      inbound: registry.counter('inbound_http_errors_total', 'The total number of inbound HTTP requests that could not be processed due to a proxy error.'),
      outbound: registry.counter('outbound_http_errors_total', 'The total number of outbound HTTP requests that could not be processed due to a proxy error.'),
    },
  };

  const refuse = (what: 'connection' | 'request', direction: Direction | 'tap', why: Reason, labels: Labels, fields: LogFields | undefined): void => {
    byReason.with({ direction, reason: why.code }).inc();
    if (!isOwn(direction) && !NOT_AN_ERROR.has(why.code) && !(direction === 'inbound' && POLICY_VERDICTS.has(why.code))) {
      const shown = what === 'request' && direction === 'outbound' ? {} : labels;
      errors[what][direction].with({ ...shown, error: errorLabel(direction, why.code) }).inc();
    }
    const message = what === 'connection' ? 'connection refused' : 'request refused';
    if (!QUIET.has(why.code)) return log.warn(message, direction, why, fields ?? {});
    if (logger.enabled('debug')) logger.log('debug', message, { direction, reason: why.code, why: formatReason(why), ...fields });
  };

  const connecting = (direction: Direction, why: Reason, labels: Labels): void => {
    connectErrors.with({ direction, reason: why.code }).inc();
    log.warn('cannot connect to an endpoint', direction, why, { endpoint: labels.target_addr, authority: labels.authority });
  };

  return {
    connecting,
    connection: (direction, why, labels, fields) => refuse('connection', direction, why, labels, fields),
    request: (direction, why, labels, fields) => refuse('request', direction, why, labels, fields),
  };
}

/** Linkerd's `error` label. */
export function errorLabel(direction: Direction, code: ReasonCode): string {
  if (code === 'FAILFAST' || code === 'NO_ENDPOINTS' || code === 'NO_READY_ENDPOINT') return 'failfast';
  if (code === 'LOAD_SHED' || code === 'GATE_SHUT' || code === 'APPLICATION_UNREACHABLE' || code === 'QUEUE_FULL' || code === 'DISCOVERY_LIMIT')
    return 'loadshed';
  if (code === 'DETECT_TIMEOUT' && direction === 'inbound') return 'tls detection timeout';
  if (code === 'GATEWAY_DOMAIN_INVALID') return 'gateway domain invalid';
  if (code === 'GATEWAY_LOOP') return 'gateway loop';
  if (code === 'IDENTITY_REQUIRED') return 'identity required';
  if (code === 'RESPONSE_TIMEOUT' || code === 'PROFILE_TIMEOUT') return 'response timeout';
  if (code === 'TLS_PEER_NO_CERTIFICATE') return 'unexpected';
  if (code === 'DETECT_CLOSED' || code === 'TRANSPORT_HEADER_INVALID') return 'i/o';
  if (code.startsWith('CONNECT_') || code.startsWith('TLS_') || code.startsWith('UPSTREAM_')) return 'i/o';
  return 'unexpected';
}
