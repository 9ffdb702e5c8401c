// Settings that are read and checked, and have no effect yet: whoever uses one must hear of it. docs/limits.md.
import type { Config } from './config.ts';
import type { VariableName } from './variables.ts';

/** The variables that were given a value which this version does not act on. */
export function unsupportedSettings(config: Config): readonly VariableName[] {
  const { outbound, inbound, tap, tracing, log, workers } = config;
  const used: readonly (readonly [VariableName, boolean])[] = [
    ['INBOUND_METRICS_AUTHORITY_LABELS', inbound.authorityLabels],
    ['OUTBOUND_METRICS_HOSTNAME_LABELS', outbound.hostnameLabels],
    ['TAP_SVC_NAME', tap !== undefined],
    ['TRACE_COLLECTOR_SVC_ADDR', tracing.collector !== undefined],
    ['ACCESS_LOG', log.access !== undefined],
    ['CORES', workers > 1],
    ['INBOUND_ACCEPT_USER_TIMEOUT', inbound.sockets.acceptUserTimeoutMs !== undefined],
    ['INBOUND_CONNECT_USER_TIMEOUT', inbound.sockets.connectUserTimeoutMs !== undefined],
    ['OUTBOUND_ACCEPT_USER_TIMEOUT', outbound.sockets.acceptUserTimeoutMs !== undefined],
    ['OUTBOUND_CONNECT_USER_TIMEOUT', outbound.sockets.connectUserTimeoutMs !== undefined],
  ];
  return used.flatMap(([name, given]) => (given ? [name] : []));
}
