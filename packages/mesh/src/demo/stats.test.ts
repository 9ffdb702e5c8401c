import type { Sample } from '@weft/core';
import { expect, test } from 'vitest';
import { certificatesIssued, connectionCounts } from './connections.ts';
import { deploymentStats, histogramQuantile } from './deployment-stats.ts';
import type { ProxyMetrics } from './scrape.ts';

const sample = (name: string, value: number, labels: Record<string, string> = {}): Sample => ({ name, labels, value });
const proxy = (deployment: string, samples: readonly Sample[], pod = `${deployment}-0`): ProxyMetrics => ({ namespace: 'shop', deployment, pod, samples });
const inbound = { direction: 'inbound', target_port: '8080' };

test('counts what grew between two scrapes, over all pods of a deployment', () => {
  const responses = (ok: number, bad: number): Sample[] => [
    sample('response_total', ok, { ...inbound, classification: 'success', status_code: '200' }),
    sample('response_total', bad, { ...inbound, classification: 'failure', status_code: '500' }),
    sample('response_total', 1000, { direction: 'outbound', classification: 'failure' }),
    sample('response_total', 1000, { direction: 'inbound', target_port: '4191', classification: 'success' }),
  ];
  const before = [proxy('web', responses(100, 10), 'a'), proxy('web', responses(500, 0), 'restarted')];
  const after = [proxy('web', responses(180, 20), 'a'), proxy('web', responses(5, 5), 'restarted'), proxy('idle', [])];
  expect(deploymentStats(before, after, 10)).toEqual({
    idle: { success_rate: undefined, rps: 0, p50_ms: undefined, p95_ms: undefined, p99_ms: undefined, requests: 0 },
    web: { success_rate: 0.85, rps: 10, p50_ms: undefined, p95_ms: undefined, p99_ms: undefined, requests: 100 },
  });
});

test('computes quantiles as Prometheus does', () => {
  const buckets = new Map([
    [1, 10],
    [2, 60],
    [5, 90],
    [Number.POSITIVE_INFINITY, 100],
  ]);
  expect([0.05, 0.5, 0.75, 0.99].map((q) => histogramQuantile(q, buckets))).toEqual([0.5, 1.8, 3.5, 5]);
  expect(histogramQuantile(0.5, new Map())).toBeUndefined();
  expect(histogramQuantile(0.5, new Map([[1, 0]]))).toBeUndefined();
});

test('tells mutual TLS from everything else, on both sides', () => {
  const tcp = (value: number, labels: Record<string, string>): Sample => sample('tcp_open_total', value, labels);
  const counts = connectionCounts([
    proxy('web', [
      tcp(3, { direction: 'outbound', peer: 'dst', tls: 'true', server_id: 'emoji' }),
      tcp(2, { direction: 'outbound', peer: 'dst', tls: 'no_identity', no_tls_reason: 'not_provided_by_service_discovery', target_addr: '10.42.0.5:80' }),
      tcp(9, { direction: 'outbound', peer: 'src', tls: 'no_identity' }),
      tcp(4, { direction: 'inbound', peer: 'src', tls: 'true', client_id: 'bot' }),
      tcp(1, { direction: 'inbound', peer: 'src', tls: 'true', client_id: '', target_addr: '10.42.0.6:80' }),
      tcp(7, { direction: 'inbound', peer: 'src', tls: 'no_identity', target_port: '4191' }),
    ]),
  ]);
  expect([counts.meshed, counts.mtls]).toEqual([5, 3]);
  expect(counts.plaintext).toEqual([
    'shop/web-0: 2 outbound connections of 10.42.0.5:80 are not mutual TLS (not_provided_by_service_discovery)',
    'shop/web-0: 1 inbound connections of 10.42.0.6:80 are not mutual TLS (tls=true)',
  ]);
});

test('sums the certificates of all proxies', () => {
  const refreshes = (ok: number): Sample[] => [
    sample('control_identity_cert_refreshes_total', ok, { result: 'ok' }),
    sample('control_identity_cert_refreshes_total', 9, { result: 'error' }),
  ];
  expect(certificatesIssued([proxy('a', refreshes(1)), proxy('b', refreshes(2))])).toBe(3);
});
