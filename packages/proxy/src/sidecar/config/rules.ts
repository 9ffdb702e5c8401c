// Rules that join several variables. Each reports its problem and goes on with something harmless. spec/proxy.md §1.3, §1.4.
import type { ExponentialBackoff } from '@weft/core';
import type { ServerHttp2, StreamLimits } from './config.ts';
import { type ConfigProblem, type Reading, shorten } from './read-variables.ts';
import type { ControlTarget } from './syntax.ts';
import { namesOf, type Values, type VariableName } from './variables.ts';

export interface Rules {
  readonly values: Partial<Values>;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  isSet(key: VariableName): boolean;
  problem(key: VariableName, problem: string): void;
  warning(key: VariableName, problem: string): void;
}

/** How a control-plane service is reached: in plaintext over loopback, or by mutual TLS with this name as SNI and identity. */
export interface ControlAddress {
  readonly target: ControlTarget;
  /** Absent: plaintext. */
  readonly serverName?: string | undefined;
}

export function rulesOf(reading: Reading): Rules {
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const make = (key: VariableName, problem: string): ConfigProblem => {
    const set = reading.setAs(key);
    return { variable: set?.name ?? namesOf(key)[0], value: set && shorten(set.text), problem };
  };
  return {
    values: reading.values,
    problems,
    warnings,
    isSet: reading.isSet,
    problem: (key, problem) => void problems.push(make(key, problem)),
    warning: (key, problem) => void warnings.push(make(key, problem)),
  };
}

const NOWHERE: ControlTarget = { host: '', port: 0, authority: '', loopback: true };

/** A missing required address is reported by the table itself, except for those that only sometimes are required. */
export function controlAddress(
  rules: Rules,
  service: 'DESTINATION' | 'POLICY' | 'IDENTITY' | 'TRACE_COLLECTOR',
  options: { readonly required?: boolean } = {},
): ControlAddress {
  const target = rules.values[`${service}_SVC_ADDR`];
  const serverName = rules.values[`${service}_SVC_NAME`];
  if (!target) {
    if (options.required && !rules.isSet(`${service}_SVC_ADDR`)) rules.problem(`${service}_SVC_ADDR`, 'must be set');
    return { target: NOWHERE };
  }
  if (target.loopback) return { target };
  if (!rules.isSet(`${service}_SVC_NAME`)) rules.problem(`${service}_SVC_NAME`, `must be set, because the address ${target.authority} is not loopback`);
  return { target, serverName };
}

type BackoffBase = 'INBOUND_CONNECT_EXP_BACKOFF' | 'OUTBOUND_CONNECT_EXP_BACKOFF' | 'IDENTITY_SPIRE_EXP_BACKOFF';

export function backoff(rules: Rules, base: BackoffBase, fallback: ExponentialBackoff): ExponentialBackoff {
  const { [`${base}_MIN` as const]: minMs, [`${base}_MAX` as const]: maxMs, [`${base}_JITTER` as const]: share } = rules.values;
  const [hasMin, hasMax] = [rules.isSet(`${base}_MIN`), rules.isSet(`${base}_MAX`)];
  if (hasMin !== hasMax)
    rules.problem(hasMin ? `${base}_MAX` : `${base}_MIN`, `must be set together with ${namesOf(hasMin ? `${base}_MIN` : `${base}_MAX`)[0]}`);
  else if (!hasMin && share !== undefined) rules.problem(`${base}_JITTER`, `needs ${namesOf(`${base}_MIN`)[0]} and ${namesOf(`${base}_MAX`)[0]}`);
  if (minMs === undefined || maxMs === undefined) return fallback;
  if (maxMs === 0) rules.problem(`${base}_MAX`, 'must not be 0');
  else if (minMs > maxMs) rules.problem(`${base}_MIN`, `is ${minMs} ms, more than ${namesOf(`${base}_MAX`)[0]} (${maxMs} ms)`);
  return { minMs, maxMs, jitter: share ?? 0 };
}

export function streamLimits(rules: Rules): StreamLimits {
  const { CONTROL_STREAM_INITIAL_TIMEOUT: initialMs, CONTROL_STREAM_IDLE_TIMEOUT: idleMs, CONTROL_STREAM_LIFETIME: lifetimeMs } = rules.values;
  const ordered = (low: number | undefined, high: number | undefined): boolean => low === undefined || high === undefined || low <= high;
  if (!ordered(initialMs, idleMs)) rules.problem('CONTROL_STREAM_INITIAL_TIMEOUT', 'must not be longer than LINKERD2_PROXY_CONTROL_STREAM_IDLE_TIMEOUT');
  if (!ordered(idleMs, lifetimeMs)) rules.problem('CONTROL_STREAM_IDLE_TIMEOUT', 'must not be longer than LINKERD2_PROXY_CONTROL_STREAM_LIFETIME');
  if (!ordered(initialMs, lifetimeMs)) rules.problem('CONTROL_STREAM_INITIAL_TIMEOUT', 'must not be longer than LINKERD2_PROXY_CONTROL_STREAM_LIFETIME');
  return { initialMs, idleMs, lifetimeMs };
}

/** Absent without an address; a name alone is an error. */
export function collectorAddress(rules: Rules): ControlAddress | undefined {
  if (rules.isSet('TRACE_COLLECTOR_SVC_ADDR')) return controlAddress(rules, 'TRACE_COLLECTOR');
  if (rules.values.TRACE_COLLECTOR_SVC_NAME !== undefined) rules.problem('TRACE_COLLECTOR_SVC_NAME', `needs ${namesOf('TRACE_COLLECTOR_SVC_ADDR')[0]}`);
  return undefined;
}

/** Adaptive windows win over fixed ones; fixed windows and keep-alive each need both of their variables. */
export function serverHttp2(rules: Rules, side: 'INBOUND' | 'OUTBOUND'): ServerHttp2 {
  const v = rules.values;
  pair(rules, `${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE`, `${side}_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE`);
  pair(rules, `${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL`, `${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`);
  const stream = v[`${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE`];
  const connection = v[`${side}_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE`];
  const intervalMs = v[`${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL`];
  const timeoutMs = v[`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`];
  const adaptive = v[`${side}_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL`] === true;
  const fixed = !adaptive && stream !== undefined && connection !== undefined;
  return {
    initialStreamWindow: fixed ? stream : 65_535,
    initialConnectionWindow: fixed ? connection : 1_048_576,
    maxConcurrentStreams: v[`${side}_SERVER_HTTP2_MAX_CONCURRENT_STREAMS`],
    maxFrameSize: v[`${side}_SERVER_HTTP2_MAX_FRAME_SIZE`],
    maxHeaderListSize: v[`${side}_SERVER_HTTP2_MAX_HEADER_LIST_SIZE`],
    keepAlive: intervalMs === undefined || timeoutMs === undefined ? undefined : { intervalMs, timeoutMs, whileIdle: true },
    extendedConnect: v.HTTP2_EXTENDED_CONNECT,
    adaptive,
    maxPendingAcceptResetStreams: v[`${side}_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS`],
    maxSendBufferBytes: v[`${side}_SERVER_HTTP2_MAX_SEND_BUF_SIZE`],
  };
}

/** The reference ignores one without the other silently. */
function pair(rules: Rules, one: VariableName, other: VariableName): void {
  const [hasOne, hasOther] = [rules.isSet(one), rules.isSet(other)];
  if (hasOne !== hasOther) rules.warning(hasOne ? one : other, `has no effect without ${namesOf(hasOne ? other : one)[0]}`);
}

/** min(available, max(min, CORES_MAX or round(available · ratio) or 1)), min = CORES_MIN or CORES or 1. */
export function workers(rules: Rules, available: number): number {
  const v = rules.values;
  for (const key of ['CORES', 'CORES_MIN'] as const) {
    if ((v[key] ?? 0) > available) rules.warning(key, `is more than the processors that may be used (${available})`);
  }
  const least = v.CORES_MIN ?? v.CORES ?? 1;
  const share = v.CORES_MAX_RATIO === undefined ? undefined : Math.round(available * v.CORES_MAX_RATIO);
  return Math.max(1, Math.min(available, Math.max(least, v.CORES_MAX ?? share ?? 1)));
}
