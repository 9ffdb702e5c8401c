import { describe, expect, test } from 'vitest';
import { checkConfig } from './check-config.ts';
import { type EffectiveSetting, shownVariables } from './effective.ts';
import { MINIMAL_ENVIRONMENT } from './minimal-environment.ts';
import { originalDst } from './original-dst-syntax.ts';
import type { Environment } from './read-variables.ts';
import { VARIABLES } from './variables.ts';

const P = 'LINKERD2_PROXY_';

interface Report {
  readonly valid: boolean;
  readonly problems: readonly { readonly variable: string; readonly value?: string; readonly problem: string }[];
  readonly warnings: readonly { readonly variable: string; readonly problem: string }[];
  readonly settings: readonly EffectiveSetting[];
}

const environment = (own: Environment): Environment => ({
  ...MINIMAL_ENVIRONMENT,
  ...Object.fromEntries(Object.entries(own).map(([key, text]) => [`${P}${key}`, text])),
});
const report = (own: Environment = {}): Report => JSON.parse(checkConfig({ env: environment(own), processors: 4, json: true }).text) as Report;

function setting(name: string, own: Environment = {}): EffectiveSetting | undefined {
  return report(own).settings.find((one) => one.name === `${P}${name}`);
}

test('every variable is shown, by itself or as a source of another', () => {
  expect(Object.keys(VARIABLES).filter((key) => !shownVariables().has(key as keyof typeof VARIABLES))).toEqual([]);
});

describe('a value is shown with its unit and where it comes from', () => {
  test.each<[string, Environment, string | undefined, string]>([
    ['OUTBOUND_CONNECT_TIMEOUT', {}, '1s', 'default'],
    ['INBOUND_DETECT_TIMEOUT', { INBOUND_DETECT_TIMEOUT: '600s' }, '10m', `${P}INBOUND_DETECT_TIMEOUT`],
    ['INBOUND_MAX_IN_FLIGHT', {}, '100000 requests', 'default'],
    ['HTTP2_INITIAL_STREAM_WINDOW_SIZE', {}, '65535 bytes', 'default'],
    ['MAX_IDLE_CONNS_PER_ENDPOINT', {}, '10000 connections', 'default'],
    ['TAP_SVC_NAME', {}, undefined, 'default'],
    ['CONTROL_LISTEN_ADDR', { CONTROL_LISTEN_ADDR: '0.0.0.0:1' }, undefined, `${P}CONTROL_LISTEN_ADDR, without effect`],
    ['DESTINATION_SVC_NAME', { DESTINATION_SVC_NAME: 'dst.ns' }, undefined, `${P}DESTINATION_SVC_NAME, without effect`],
    ['CONTROL_STREAM_LIFETIME', { CONTROL_STREAM_LIFETIME: '1h' }, undefined, `${P}CONTROL_STREAM_LIFETIME, without effect`],
    [
      'CONTROL_STREAM_LIFETIME',
      { CONTROL_STREAM_LIFETIME: '1h', POLICY_SVC_ADDR: 'policy.:1', POLICY_SVC_NAME: 'policy.ns' },
      '1h',
      `${P}CONTROL_STREAM_LIFETIME`,
    ],
    ['OUTBOUND_LISTEN_ADDRS', { OUTBOUND_LISTEN_ADDR: '127.0.0.1:9' }, '127.0.0.1:9', `derived from ${P}OUTBOUND_LISTEN_ADDR`],
    [
      'OUTBOUND_LISTEN_ADDRS',
      { OUTBOUND_LISTEN_ADDR: '127.0.0.1:9', OUTBOUND_LISTEN_ADDRS: '127.0.0.1:1,[::1]:1' },
      '127.0.0.1:1,[::1]:1',
      `${P}OUTBOUND_LISTEN_ADDRS`,
    ],
    ['OUTBOUND_DISABLE_INFORMATIONAL_HEADERS', { INGRESS_MODE: 'true' }, 'true', `derived from ${P}INGRESS_MODE`],
    ['INBOUND_PORTS', { INBOUND_PORTS: '80-82', ADMIN_LISTEN_ADDR: '0.0.0.0:9' }, '9,80-82', `${P}INBOUND_PORTS, ${P}ADMIN_LISTEN_ADDR`],
    ['INBOUND_CONNECT_EXP_BACKOFF_JITTER', {}, '0.1', 'default'],
    [
      'INBOUND_CONNECT_EXP_BACKOFF_JITTER',
      { INBOUND_CONNECT_EXP_BACKOFF_MIN: '1s', INBOUND_CONNECT_EXP_BACKOFF_MAX: '1s' },
      '0',
      `derived from ${P}INBOUND_CONNECT_EXP_BACKOFF_MIN`,
    ],
    ['CORES', { CORES_MAX_RATIO: '0.5' }, '2', `derived from ${P}CORES_MAX_RATIO`],
    ['IDENTITY_SERVER_NAME', {}, 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local', `derived from ${P}IDENTITY_LOCAL_NAME`],
    ['IDENTITY_TRUST_ANCHORS', {}, '1 certificate: CN=root.linkerd.cluster.local until 2126-10-30', `${P}IDENTITY_TRUST_ANCHORS`],
    ['INBOUND_IPS', { INBOUND_IPS: '10.0.0.1,::1' }, '10.0.0.1,::1', `${P}INBOUND_IPS`],
    ['DESTINATION_PROFILE_NETWORKS', { DESTINATION_PROFILE_NETWORKS: '10.0.0.0/8, ::1' }, '10.0.0.0/8,::1/128', `${P}DESTINATION_PROFILE_NETWORKS`],
  ])('%s of %j', (name, own, value, source) => {
    const shown = setting(name, own);
    expect({ value: shown?.value, source: shown?.source }).toEqual({ value, source });
  });

  test('the name that was really set is named', () => {
    const own = { IDENTITY_SPIRE_SOCKET: '/a.sock', IDENTITY_SERVER_ID: 'spiffe://td/a', IDENTITY_SERVER_NAME: 'a.ns' };
    expect(setting('IDENTITY_SPIRE_WORKLOAD_API_ADDRESS', own)).toMatchObject({ value: '/a.sock', source: `${P}IDENTITY_SPIRE_SOCKET` });
  });
});

test.each([
  ['proxy-protocol', 'proxy-protocol:127.0.0.0/8,::1/128'],
  ['map:4140=10.0.0.1:80,[::1]:4140=[fd00::1]:443', 'map:4140=10.0.0.1:80,[::1]:4140=[fd00::1]:443'],
])('WEFT_PROXY_ORIGINAL_DST=%s is shown as %s, which says the same', (text, shown) => {
  const own = checkConfig({ env: { ...MINIMAL_ENVIRONMENT, WEFT_PROXY_ORIGINAL_DST: text }, processors: 1, json: true });
  const { settings } = JSON.parse(own.text) as Report;
  expect(settings.find(({ name }) => name === 'WEFT_PROXY_ORIGINAL_DST')).toEqual({
    name: 'WEFT_PROXY_ORIGINAL_DST',
    value: shown,
    source: 'WEFT_PROXY_ORIGINAL_DST',
  });
  expect(originalDst.parse(shown)).toEqual(originalDst.parse(text));
});

test('warnings name spelling errors and settings that this version does not act on', () => {
  const { valid, warnings } = report({ INGRES_MODE: 'true', INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE: '1000', INBOUND_DEFAULT_POLICY: 'deny' });
  expect({ valid, warnings: warnings.map(({ variable, problem }) => `${variable} ${problem}`) }).toEqual({
    valid: true,
    warnings: [
      `${P}INGRES_MODE is not a known variable; did you mean ${P}INGRESS_MODE?`,
      `${P}INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE has no effect in this version`,
    ],
  });
});

test('a configuration that is not acceptable shows every problem and no setting', () => {
  const { valid, problems, settings } = report({ INGRESS_MODE: 'yes', POLICY_WORKLOAD: undefined });
  expect({ valid, settings, problems }).toEqual({
    valid: false,
    settings: [],
    problems: [
      { variable: `${P}INGRESS_MODE`, value: 'yes', problem: 'must be exactly true or false' },
      { variable: `${P}POLICY_WORKLOAD`, problem: 'must be set' },
    ],
  });
});

test('the table is stable, one line a setting, without the text of certificates', () => {
  const env = environment({ DESTINATION_CONTEXT: 'a\nb\u001b[31m', POLICY_WORKLOAD: 'x'.repeat(500), INBOUND_DEFAULT_POLICY: 'deny' });
  const { text, valid } = checkConfig({ env, processors: 4, json: false });
  const lines = text.split('\n');
  expect(valid).toBe(true);
  expect(lines[0]).toMatch(/^NAME +VALUE +SOURCE$/);
  expect(lines.filter((line) => line !== '')).toHaveLength(1 + report().settings.length);
  expect(lines.find((line) => line.includes('DESTINATION_CONTEXT'))).toContain('"a\\nb\\u001b[31m"');
  expect(text).not.toContain('BEGIN CERTIFICATE');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(250);
  expect(checkConfig({ env, processors: 4, json: false }).text).toBe(text);
});

test('the text of a bad configuration lists warnings and problems', () => {
  const { text, valid } = checkConfig({ env: environment({ INGRESS_MODE: 'yes', LGO: 'x', INBOUND_DEFAULT_POLICY: 'deny' }), processors: 4, json: false });
  expect({ valid, text }).toEqual({
    valid: false,
    text: [
      'Warnings:',
      `  ${P}LGO is not a known variable; did you mean ${P}LOG?`,
      '',
      'The configuration is not acceptable:',
      `  ${P}INGRESS_MODE="yes" must be exactly true or false`,
      '',
    ].join('\n'),
  });
});
