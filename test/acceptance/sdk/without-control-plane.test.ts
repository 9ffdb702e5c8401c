// meshAgent over DNS: a program without identity and without a control plane balances over what a DNS server on loopback says.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constantWatch, createRegistry, plainEndpoint } from '@weft/core';
import { dnsDiscovery, resolver } from '@weft/destination/dns';
import { meshAgent } from '@weft/proxy/sdk';
import { expect, test } from 'vitest';
import { startDnsServer } from '../../../packages/destination/test/dns-server.ts';
import { askBy } from './programs.ts';

const SERVICE = '_http._tcp.web.test';

async function serve(name: string) {
  const server = createServer((_asked, response) => void response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('requests go to every target of a service name, and those of a name that does not exist are refused with the reason', async () => {
  await using a = await serve('a');
  await using b = await serve('b');
  const dns = await startDnsServer();
  const srv = (port: number) => ({ type: 'SRV' as const, name: SERVICE, ttl: 30, data: { target: 'host.test', port, priority: 0, weight: 1 } });
  dns.records = [srv(a.port), srv(b.port), { type: 'A', name: 'host.test', ttl: 30, data: '127.0.0.1' }];
  const metrics = createRegistry();
  const discovery = dnsDiscovery({ resolver: resolver({ servers: [{ ip: '127.0.0.1', port: dns.port }] }) });
  const agent = meshAgent({ discovery, metrics, outbound: { failfastMs: 200 } });
  await agent.ready;
  const answers = new Set<string>();
  for (let n = 0; n < 40; n++) {
    const { status, body } = await askBy(agent, `http://${SERVICE}./`);
    expect(status).toBe(200);
    answers.add(body);
  }
  expect(answers).toEqual(new Set(['a', 'b']));
  expect(metrics.render()).toMatch(/request_total\{[^}]*tls="no_identity"[^}]*\} \d+/);
  const { status, headers } = await askBy(agent, 'http://nowhere.test./');
  expect([status, headers['l5d-proxy-error']]).toEqual([expect.any(Number), expect.stringMatching(/nowhere\.test/)]);
  expect(status).toBeGreaterThanOrEqual(500);
  await agent.close();
  discovery.close();
  await dns.close();
});

test('who has no identity sends nothing to an endpoint that has one', async () => {
  await using a = await serve('a');
  const id = { kind: 'dns', name: 'web.ns.serviceaccount.identity.linkerd.cluster.local' } as const;
  const endpoint = { ...plainEndpoint({ ip: '127.0.0.1', port: a.port }), identity: { id, serverName: id.name } };
  const agent = meshAgent({
    discovery: { endpoints: () => constantWatch([endpoint]) },
    outbound: { failfastMs: 200 },
  });
  const { status } = await askBy(agent, 'http://web.test/');
  expect([502, 503, 504]).toContain(status);
  await agent.close();
});
