// Random policies: what is explained is what becomes of a request. spec/proxy.md §7.1 – §7.4, §8.2, §8.3.
import { createServer as createHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ClientPolicy, parseIdentityId } from '@weft/core';
import { explainInbound, explainOutbound } from '@weft/core/explain';
import fc from 'fast-check';
import { expect } from 'vitest';
import { http2Session, httpApplication, serveOn } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { meshedPeer, tcpTo } from '../process/meshed-peer.ts';
import { acceptanceCase } from './case.ts';
import { authorization, type Client, clients, enforce, FAR, NEAR, open, server, serverProxy } from './inbound-scene.ts';
import { ANSWER, explained, type Fields, type Outcome, observed } from './random-outcomes.ts';
import { grpcPolicies, grpcRequests, httpPolicies, httpRequests, httpRoutes, type RandomRequest } from './random-policies.ts';
import { nameOf, routedTo } from './routed.ts';
import { Wire } from './wire.ts';

const POLICIES = 20;
const REQUESTS = 30;

acceptanceCase('random HTTP routes of clients', async () => {
  const policies = fc.sample(httpPolicies(nameOf('http1'), nameOf('http2')), { seed: 1, numRuns: POLICIES });
  await using scene = await outboundScene(policies);
  const outcomes: Outcome[] = [];
  for (const [index, policy] of policies.entries()) {
    for (const [number, request] of fc.sample(httpRequests, { seed: index, numRuns: REQUESTS }).entries()) {
      const protocol = number % 2 === 0 ? 'http/1' : 'http/2';
      const expected = explained(explainOutbound({ policy }, { protocol, request: { ...request, headers: request.headers.flat() } }), request);
      const found = protocol === 'http/1' ? await over(new Wire(await tcpTo(scene.at(index))), request) : await overHttp2(scene.at(index), request);
      expect({ request, policy, found }).toEqual({ request, policy, found: expected });
      outcomes.push(found);
    }
  }
  expectEach(outcomes, { forwarded: 200, missing: 100, failed: 2, redirected: 10 });
});

acceptanceCase('random gRPC routes of clients', async () => {
  const policies = fc.sample(grpcPolicies(nameOf('http2')), { seed: 2, numRuns: POLICIES });
  await using scene = await outboundScene(policies);
  const outcomes: Outcome[] = [];
  for (const [index, policy] of policies.entries()) {
    for (const request of fc.sample(grpcRequests, { seed: index, numRuns: REQUESTS })) {
      const expected = explained(
        explainOutbound({ policy }, { protocol: 'http/2', request: { ...request, headers: request.headers.flat() } }),
        request,
        'grpc',
      );
      const found = await overHttp2(scene.at(index), request, { 'content-type': 'application/grpc' });
      expect({ request, policy, found }).toEqual({ request, policy, found: expected });
      outcomes.push(found);
    }
  }
  expectEach(outcomes, { forwarded: 100, missing: 200, failed: 2 });
});

acceptanceCase('random HTTP routes and authorizations of a server', async () => {
  const webs = 'web.ns.serviceaccount.identity.linkerd.cluster.local';
  const admitting = fc.subarray(
    [
      authorization({ kind: 'unauthenticated' }, ['10.42.0.0/16']),
      authorization({ kind: 'tls' }),
      clients([webs]),
      clients([], [['linkerd', 'cluster', 'local']]),
      authorization({ kind: 'clients', identities: [], suffixes: [[]] }, ['10.0.0.0/8'], [`${NEAR}/32`]),
    ],
    { maxLength: 2 },
  );
  const protocols = fc.tuple(httpRoutes, admitting, fc.infiniteStream(admitting)).map(([list, authorizations, own]) => ({
    kind: 'detect' as const,
    timeoutMs: 10_000,
    authorizations,
    routes: list.map((route) => ({ ...route, authorizations: [...own.next().value, ...authorizations] })),
  }));
  await using app = await echo();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using web = await meshedPeer(control, 'web');
  using api = await meshedPeer(control, 'api');
  const request = fc.record({
    request: httpRequests,
    as: fc.constantFrom<NonNullable<Client['as']>[]>('none', 'anonymous', web, api),
    from: fc.constantFrom(NEAR, FAR),
  });
  const outcomes: Outcome[] = [];
  for (const [index, protocol] of fc.sample(protocols, { seed: 3, numRuns: POLICIES }).entries()) {
    const policy = server(`s${index}`, protocol);
    await enforce(control, proxy, policy);
    for (const { request: asked, as, from } of fc.sample(request, { seed: index, numRuns: REQUESTS })) {
      const identity = typeof as === 'string' ? undefined : parseIdentityId(as.identity);
      const client = { ip: from, tls: as === 'none' ? { kind: 'none' as const } : { kind: 'mesh' as const, ...(identity && { identity }) } };
      const expected = explained(explainInbound(policy, { client, request: { ...asked, headers: asked.headers.flat() } }), asked);
      const found = await over(await open(proxy, { as, from }), asked);
      expect({ client, asked, policy, found }).toEqual({ client, asked, policy, found: expected });
      outcomes.push(found);
    }
  }
  expectEach(outcomes, { forwarded: 60, missing: 100, failed: 2, redirected: 2, forbidden: 60 });
});

/** None is rare, or agreeing would mean nothing. */
function expectEach(outcomes: readonly Outcome[], least: Readonly<Record<string, number>>): void {
  const kinds: Readonly<Record<string, (outcome: Outcome) => boolean>> = {
    forwarded: ({ rule }) => rule !== undefined,
    missing: ({ status, grpcStatus }) => status === 404 || grpcStatus === '5',
    failed: ({ status, grpcStatus }) => ['9', '14'].includes(grpcStatus ?? '') || [418, 500, 503].includes(status),
    redirected: ({ location }) => location !== undefined,
    forbidden: ({ status }) => status === 403,
  };
  const counts = Object.keys(least).map((kind) => [kind, outcomes.filter((outcome) => kinds[kind]?.(outcome)).length] as const);
  expect(counts.filter(([kind, count]) => count < (least[kind] ?? 0))).toEqual([]);
}

/** A client's proxy with a target for each policy, before an application of either version. */
async function outboundScene(policies: readonly ClientPolicy[]) {
  const targets = policies.map((_, index) => `10.43.1.${index + 1}:80`);
  const [http1, http2] = [await echo(), await echoHttp2()];
  const control = await targets.reduce((plane, target, index) => plane.outbound(target, policies[index] as ClientPolicy), controlPlane()).start();
  const proxy = await routedTo(control, { http1: http1.port, http2: http2.port }, {}, targets);
  return {
    at: (index: number) => proxy.outboundAddress(targets[index] ?? ''),
    async [Symbol.asyncDispose]() {
      for (const one of [proxy, control, http1, http2]) await one[Symbol.asyncDispose]();
    },
  };
}

/** Each answers with the header fields that it got. */
function echo() {
  return httpApplication(({ rawHeaders }, response) => {
    const names = rawHeaders.filter((_, at) => at % 2 === 0);
    for (const [name, value] of ANSWER) response.setHeader(name, value);
    response.end(JSON.stringify(names.map((name, at) => [name.toLowerCase(), rawHeaders[at * 2 + 1]])));
  });
}

function echoHttp2() {
  const app = createHttp2().on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, ...Object.fromEntries(ANSWER) });
    stream.end(JSON.stringify(Object.entries(headers)));
  });
  return serveOn(app as unknown as Server);
}

/** On a connection of its own. */
async function over(wire: Wire, { method, path, authority, headers }: RandomRequest): Promise<Outcome> {
  using connection = wire;
  const fields = [['host', authority], ...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  connection.write(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
  const { start, headers: answer, body } = await connection.message();
  return outcomeOf(Number(start.split(' ')[1]), answer, body);
}

async function overHttp2(at: string, { method, path, authority, headers }: RandomRequest, more: OutgoingHttpHeaders = {}): Promise<Outcome> {
  using session = http2Session(at);
  const fields: Record<string, string[]> = {};
  for (const [name, value] of headers) (fields[name] ??= []).push(value);
  const stream = session.request({ ...more, ...fields, ':method': method, ':path': path, ':authority': authority }, { endStream: true });
  let head: IncomingHttpHeaders & { readonly ':status'?: number } = {};
  stream.once('response', (answer) => (head = answer));
  const body = await text(stream);
  return outcomeOf(
    head[':status'] ?? 0,
    Object.entries(head).map(([name, value]) => [name, String(value)] as const),
    body,
  );
}

function outcomeOf(status: number, answer: Fields, body: string): Outcome {
  return observed(status, answer, body.startsWith('[') ? (JSON.parse(body) as [string, string][]) : undefined);
}
