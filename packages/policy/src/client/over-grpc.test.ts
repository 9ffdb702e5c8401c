// The policy client against a real gRPC server.
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { type ClientPolicy, defaultServerPolicy } from '@weft/core';
import { startGrpcServer } from '@weft/process';
import {
  clientPolicyToWire,
  grpcChannel,
  type InboundServer,
  inboundPoliciesService,
  type OutboundPolicy,
  outboundPoliciesService,
  type PortSpec,
  serverPolicyToWire,
  type TrafficSpec,
} from '@weft/wire';
import { expect, test, vi } from 'vitest';
import { policyClient } from './policy-client.ts';

const OPTIONS = { clusterNetworks: [], opaque: false, detectTimeoutMs: 10_000 };
const POLICY: ClientPolicy = { parent: { kind: 'default', name: 'web' }, protocol: { kind: 'opaque', routes: [] } };

test('asks for both directions and tells what there is from what there is not', async () => {
  const failing = { GetPort: () => undefined, Get: () => undefined };
  let attempts = 0;
  const server = await startGrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    services: [
      [
        inboundPoliciesService,
        {
          ...failing,
          WatchPort(call: ServerWritableStream<PortSpec, InboundServer>) {
            attempts++;
            if (attempts < 3) call.emit('error', { code: status.NOT_FOUND, details: 'unknown pod' });
            else call.write(serverPolicyToWire(defaultServerPolicy('all-authenticated', OPTIONS)));
          },
        },
      ],
      [
        outboundPoliciesService,
        {
          ...failing,
          Watch(call: ServerWritableStream<TrafficSpec, OutboundPolicy>) {
            if (call.request.authority === 'web:80') call.write(clientPolicyToWire(POLICY));
            else call.emit('error', { code: status.NOT_FOUND, details: 'no such service' });
          },
        },
      ],
    ],
  });
  const channel = grpcChannel({ target: `127.0.0.1:${server.address?.port}` });
  const backoff = { minMs: 5, maxMs: 20, jitter: 0 };
  const client = policyClient({ channel, backoff, workload: 'ns:pod', defaultPolicy: () => defaultServerPolicy('deny', OPTIONS) });
  const watches = [
    client.inbound(8080),
    client.outbound({ kind: 'authority', authority: 'web:80' }),
    client.outbound({ kind: 'authority', authority: 'api:80' }),
  ] as const;
  expect(watches[0].state).toMatchObject({ kind: 'value', value: { metadata: { name: 'deny' } } });
  const stops = watches.map((watch) => watch.subscribe(() => undefined));
  await vi.waitFor(() => {
    expect(watches[0].state).toMatchObject({ kind: 'value', value: { metadata: { name: 'all-authenticated' } }, stale: false });
    expect(watches[1].state).toEqual({ kind: 'value', value: POLICY, stale: false });
    expect(watches[2].state).toEqual({ kind: 'absent', stale: false });
  });
  expect(attempts).toBe(3);
  for (const stop of stops) stop();
  client.close();
  channel.close();
  await server.close(0);
});
