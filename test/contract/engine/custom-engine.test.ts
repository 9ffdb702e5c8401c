// The example of a custom engine against the contract, its gaps included; then what the contract asks of both kinds of upstream at once.
import { customEngine, gaps } from '@weft/example-custom-engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench } from './bench.ts';
import { http1, http2 } from './calls.ts';
import { describeEngine } from './suite.ts';

describeEngine('http2-proxy', customEngine, gaps);

let bench: Bench;
beforeEach(() => {
  bench = new Bench(customEngine());
});
afterEach(async () => await bench.close());

test('fails each exchange whose upstream speaks HTTP/2, without dialling', async () => {
  const proxy = await bench.proxy({ client: 'http/1', server: 'http/2', origin: 1 });
  for (let i = 0; i < 2; i += 1) expect((await http1(proxy.port)).headers['l5d-proxy-error']).toBe('connect');
  expect(proxy.dials).toHaveLength(0);
  expect(proxy.upstream.inFlight).toBe(0);
});

test('reports a failed dial, and dials again for the next exchange', async () => {
  let dials = 0;
  const dial = async (): Promise<never> => {
    dials += 1;
    throw new Error(`refused ${dials}`);
  };
  const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: 1, upstream: { dial } });
  for (let i = 0; i < 2; i += 1) expect((await http1(proxy.port)).headers['l5d-proxy-error']).toBe('connect');
  expect(proxy.failures).toMatchObject([{ error: { message: 'refused 1' } }, { error: { message: 'refused 2' } }]);
});

test('gives up an upstream request whose client is gone', async () => {
  const { port, peers } = await bench.rawOrigin(() => undefined);
  for (const how of ['destroy', 'end'] as const) {
    const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
    const client = await bench.rawClient(proxy.port);
    client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
    await bench.until(() => proxy.watched[0]?.calls.includes('requestEnd') === true);
    client.socket[how]();
    expect(await proxy.watched[0]?.ended).toEqual({ kind: 'client-gone' });
    expect(proxy.upstream.inFlight).toBe(0);
    await proxy.connections[0]?.closed;
  }
  await Promise.all(peers.map(async (peer) => await peer.over()));
});

test('ends every exchange once when its upstream dies or is destroyed', async () => {
  const { port } = await bench.rawOrigin(async (peer, index) => {
    await peer.receive('\r\n\r\n');
    if (index === 0) peer.socket.destroy();
  });
  const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
  const session = bench.http2Client(proxy.port);
  expect((await http2(session)).headers['l5d-proxy-error']).toBe('closed');
  const answers = Promise.all([http2(session), http2(session), http2(session)]);
  await bench.until(() => proxy.watched.filter((one) => one.calls.includes('requestEnd')).length === 4);
  expect(proxy.upstream.inFlight).toBe(3);
  proxy.upstream.destroy(new Error('gone'));
  for (const answer of await answers) expect(answer.status).toBe(502);
  for (const one of proxy.watched) expect(one.calls.filter((call) => call.startsWith('end'))).toEqual(['end failed']);
  expect(proxy.upstream.inFlight).toBe(0);
});

test('refuses a GET with a body, which http2-proxy would drop', async () => {
  const { port, peers } = await bench.rawOrigin(() => undefined);
  const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
  expect((await http1(proxy.port, { headers: { 'content-length': '4' }, body: 'body' })).headers['l5d-proxy-error']).toBe('protocol');
  expect(peers).toHaveLength(0);
});
