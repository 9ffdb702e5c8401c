// Settings that are read and checked, and have no effect yet: whoever uses one must hear of it. docs/limits.md.
import type { Config } from './config.ts';
import type { VariableName } from './variables.ts';

/** The variables that were given a value which this version does not act on. */
export function unsupportedSettings(config: Config): readonly VariableName[] {
  const { outbound, inbound, tracing } = config;
  const used: readonly (readonly [VariableName, boolean])[] = [
    ['TRACE_COLLECTOR_SVC_ADDR', tracing.collector !== undefined],
    ['INBOUND_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS', inbound.serverHttp2.maxPendingAcceptResetStreams !== undefined],
    ['OUTBOUND_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS', outbound.serverHttp2.maxPendingAcceptResetStreams !== undefined],
    ['INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE', inbound.serverHttp2.maxSendBufferBytes !== undefined],
    ['OUTBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE', outbound.serverHttp2.maxSendBufferBytes !== undefined],
  ];
  return used.flatMap(([name, given]) => (given ? [name] : []));
}
