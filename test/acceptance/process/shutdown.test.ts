// Of the way down what is ours alone: the second signal, and who may ask for it. What any proxy does: ../cases. spec/proxy.md §1.5, §9.8.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { availableParallelism, networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { get, tcpApplication } from './applications.ts';
import { readyProxy } from './proxy-process.ts';
import { scripted } from './scenes.ts';

const P = 'LINKERD2_PROXY_';
const ENABLED = { [`${P}SHUTDOWN_ENDPOINT_ENABLED`]: 'true' };
const CORES = [1, ...(process.platform === 'linux' && availableParallelism() > 1 ? [2] : [])];
/** Where connections are carried without being looked at. */
const BYTES = '10.99.0.1:80';

describe.each(CORES)('on %i cores', (cores) => {
  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ] as const)('%s and then %s: the second ends it at once', async (first, second) => {
    await using app = await tcpApplication((socket) => void socket.pipe(socket));
    await using control = await scripted().start();
    const connectsTo = { [BYTES]: 'elsewhere:80' };
    const env = { [`${P}CORES`]: String(cores) };
    await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial: { [BYTES]: `127.0.0.1:${app.port}` }, env });
    const socket = connect(proxy.outboundPort(BYTES), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('\x01 bytes');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    proxy.signal(first);
    await proxy.log(/^shutting down$/);
    proxy.signal(second);
    expect(await proxy.exited).toBe(0);
    await closed;
  });
});

test('/shutdown takes nothing but POST, and does not exist where it is not enabled', async () => {
  await using control = await scripted().start();
  await using enabled = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env: ENABLED });
  expect(await get(enabled.adminPort, { path: '/shutdown' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4' });
  for (const method of ['POST', 'GET']) expect((await get(proxy.adminPort, { method, path: '/shutdown' })).status).toBe(404);
});

/** An address of this machine from which one is not taken for the pod itself. */
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test.runIf(own !== undefined)('/shutdown is refused to clients that do not come from loopback', async () => {
  await using control = await scripted().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env: ENABLED, admin: `${own}:0` });
  const call = request({ host: own, port: proxy.adminPort, method: 'POST', path: '/shutdown', agent: false });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(403);
  expect(proxy.running).toBe(true);
});
