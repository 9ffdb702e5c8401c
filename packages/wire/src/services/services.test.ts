// The definitions as grpc-js uses them, on both sides of a real connection.
import { Client, credentials, type handleServerStreamingCall, type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { endpointFromWire, endpointToWire } from '../convert/endpoint.ts';
import type { MessageTypes } from '../gen/messages.ts';
import { destinationService } from './destination-service.ts';
import { identityService } from './identity-service.ts';
import { inboundPoliciesService } from './inbound-policies-service.ts';
import { outboundPoliciesService } from './outbound-policies-service.ts';
import { spiffeWorkloadService } from './spiffe-workload-service.ts';
import { tapService } from './tap-service.ts';

const endpoint = endpointFromWire(endpointToWire({ address: { ip: 'fd00::1', port: 8080 }, weight: 10_000, labels: { pod: 'web-0' }, hint: 'h2' }));

test('carries every method under its path', () => {
  const services = [destinationService, identityService, inboundPoliciesService, outboundPoliciesService, spiffeWorkloadService, tapService];
  const methods = services.flatMap((service) => Object.values(service)).map(({ path, responseStream }) => `${path} ${responseStream ? 'stream' : 'unary'}`);
  expect(methods).toEqual([
    '/io.linkerd.proxy.destination.Destination/Get stream',
    '/io.linkerd.proxy.destination.Destination/GetProfile stream',
    '/io.linkerd.proxy.identity.Identity/Certify unary',
    '/io.linkerd.proxy.inbound.InboundServerPolicies/GetPort unary',
    '/io.linkerd.proxy.inbound.InboundServerPolicies/WatchPort stream',
    '/io.linkerd.proxy.outbound.OutboundPolicies/Get unary',
    '/io.linkerd.proxy.outbound.OutboundPolicies/Watch stream',
    '/SpiffeWorkloadAPI/FetchX509SVID stream',
    '/io.linkerd.proxy.tap.Tap/Observe stream',
  ]);
});

test('serves and calls through grpc-js', async () => {
  const get: handleServerStreamingCall<MessageTypes['destination.GetDestination'], MessageTypes['destination.Update']> = (call) => {
    call.write({ add: { addrs: [endpointToWire(endpoint)], metricLabels: { path: call.request.path ?? '' } } });
    call.end();
  };
  const certify: handleUnaryCall<MessageTypes['identity.CertifyRequest'], MessageTypes['identity.CertifyResponse']> = (call, callback) => {
    callback(null, { leafCertificate: call.request.certificateSigningRequest });
  };
  const server = new Server();
  server.addService(destinationService, { Get: get, GetProfile: get });
  server.addService(identityService, { Certify: certify });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    const { path, requestSerialize, responseDeserialize } = destinationService.Get;
    const updates: MessageTypes['destination.Update'][] = [];
    for await (const update of client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { path: 'web:80' })) updates.push(update);
    expect(updates.map(({ add }) => add?.addrs?.map((addr) => endpointFromWire(addr, add.metricLabels)))).toEqual([
      [{ ...endpoint, labels: { pod: 'web-0', path: 'web:80' } }],
    ]);

    const answer = await new Promise<MessageTypes['identity.CertifyResponse'] | undefined>((resolve, reject) => {
      const { path: method, requestSerialize: write, responseDeserialize: read } = identityService.Certify;
      client.makeUnaryRequest(method, write, read, { certificateSigningRequest: Buffer.from([1, 2, 3]) }, (error, value) =>
        error ? reject(error) : resolve(value),
      );
    });
    expect(Buffer.from(answer?.leafCertificate ?? [])).toEqual(Buffer.from([1, 2, 3]));
  } finally {
    client.close();
    server.forceShutdown();
  }
});
