// TLS routed by server name, and opaque routes: backends, and connections that a route forbids. spec/proxy.md §2.2, §6.6, §7.1, §10.6.
import { connect } from 'node:net';
import { type ClientPolicy, type Distribution, defaultMetadata, type Filter, type HostMatch } from '@weft/core';
import { expect } from 'vitest';
import { type Application, type At, hostAndPort, tcpApplication } from '../process/applications.ts';
import { clientHelloFor } from '../process/client-hello.ts';
import { controlPlane } from '../process/control-plane.ts';
import { SERVICE } from '../process/scenes.ts';
import { backend, balanced, clientPolicy, firstOf } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { nameOf, routedTo } from './routed.ts';

/** Says who it is once it has read something, and what it has read. */
function announcing(name: string): Promise<Application> {
  return tcpApplication((socket) => socket.once('data', (bytes) => socket.end(`${name} ${bytes.length}`)));
}

/** What comes back before the connection is over; empty where it is cut off. */
async function answerTo(at: At, bytes: Uint8Array): Promise<string> {
  const socket = connect(hostAndPort(at));
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

const to = (name: string) => firstOf(balanced(nameOf(name)));
const exact = (host: string) => ({ kind: 'exact', host }) as const;
const suffix = (...reverseLabels: string[]) => ({ kind: 'suffix', reverseLabels }) as const;

function tls(...routes: (readonly [name: string, snis: readonly HostMatch[], filters?: readonly Filter[]])[]): ClientPolicy {
  return clientPolicy({
    kind: 'tls',
    routes: routes.map(([name, snis, filters = []]) => ({ metadata: defaultMetadata(name), snis, rules: [{ filters, distribution: to(name) }] })),
  });
}

function opaque(distribution: Distribution, filters: readonly Filter[] = []): ClientPolicy {
  return clientPolicy({ kind: 'opaque', routes: [{ metadata: defaultMetadata('opaque'), rules: [{ filters, distribution }] }] });
}

acceptanceCase('tls routes: by server name, exact over suffix over none', async () => {
  await using one = await announcing('one');
  await using other = await announcing('other');
  const policy = tls(['other', [suffix('example')]], ['one', [exact('a.example')]]);
  await using control = await controlPlane().outbound(SERVICE, policy).start();
  await using proxy = await routedTo(control, { one: one.port, other: other.port });
  const at = proxy.outboundAddress(SERVICE);
  const ask = async (name: string): Promise<string> => {
    const hello = clientHelloFor(name);
    const [who = '', length] = (await answerTo(at, hello)).split(' ');
    // The whole hello is passed on.
    if (who !== '') expect(length).toBe(String(hello.length));
    return who;
  };
  expect(await ask('a.example')).toBe('one');
  expect(await ask('A.Example')).toBe('one');
  expect(await ask('b.example')).toBe('other');
  expect(await ask('elsewhere')).toBe('');
  expect(await answerTo(at, Buffer.from('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n'))).toBe('');
});

for (const shown of [true, false]) {
  acceptanceCase(`tls routes: hostname labels ${shown ? 'where they are asked for' : 'are empty otherwise'}`, async () => {
    await using app = await announcing('app');
    await using control = await controlPlane()
      .outbound(SERVICE, tls(['app', []]))
      .start();
    await using proxy = await routedTo(control, { app: app.port }, { LINKERD2_PROXY_OUTBOUND_METRICS_HOSTNAME_LABELS: String(shown) });
    const at = proxy.outboundAddress(SERVICE);
    for (const name of ['a.example', 'b.example']) expect(await answerTo(at, clientHelloFor(name))).toMatch(/^app /);
    const opened = await proxy.samples('outbound_tls_route_open_total');
    const counted = Object.fromEntries(opened.map(({ labels, value }) => [labels['hostname'], value]));
    expect(counted).toEqual(shown ? { 'a.example': 1, 'b.example': 1 } : { '': 2 });
  });
}

acceptanceCase('tls routes: forbidden', async () => {
  await using app = await announcing('app');
  const policy = tls(['app', [exact('b.example')]], ['shut', [exact('a.example')], [{ kind: 'forbidden' }]]);
  await using control = await controlPlane().outbound(SERVICE, policy).start();
  await using proxy = await routedTo(control, { app: app.port });
  expect(await answerTo(proxy.outboundAddress(SERVICE), clientHelloFor('a.example'))).toBe('');
  expect(await answerTo(proxy.outboundAddress(SERVICE), clientHelloFor('b.example'))).toMatch(/^app /);
});

acceptanceCase('opaque routes: one backend, and a split by weight', async () => {
  await using a = await announcing('a');
  await using b = await announcing('b');
  await using control = await controlPlane()
    .outbound(SERVICE, opaque(to('a')))
    .start();
  await using proxy = await routedTo(control, { a: a.port, b: b.port });
  const ask = async (): Promise<string> => (await answerTo(proxy.outboundAddress(SERVICE), Buffer.from('hello'))).split(' ')[0] ?? '';
  expect(await ask()).toBe('a');
  const branch = (name: string) => ({ backend: backend(balanced(nameOf(name)), defaultMetadata(name)), filters: [], weight: 1 });
  control.outboundOf(SERVICE).set(opaque({ kind: 'random-available', backends: [branch('a'), branch('b')] }));
  const seen = new Set<string>();
  await expect.poll(async () => seen.add(await ask()).size, { interval: 5, timeout: 5_000 }).toBe(2);
});

acceptanceCase('opaque routes: forbidden', async () => {
  await using app = await announcing('app');
  await using control = await controlPlane()
    .outbound(SERVICE, opaque(to('app'), [{ kind: 'forbidden' }]))
    .start();
  await using proxy = await routedTo(control, { app: app.port });
  expect(await answerTo(proxy.outboundAddress(SERVICE), Buffer.from('hello, is anybody there'))).toBe('');
});
