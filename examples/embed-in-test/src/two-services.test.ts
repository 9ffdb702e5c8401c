// What a test with the mesh inside looks like: the shop asks the stock, a stranger may not.
import { createServer, get, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedMesh, type Service } from './embedded-mesh.ts';

let mesh: EmbeddedMesh;
let stock: Service;
let shop: Service;
let stranger: Service;

/** The application under test: two services that know nothing of the mesh. */
const stockApplication = createServer((asked, response) => {
  response.end(JSON.stringify({ apples: 3, asked: asked.headers['l5d-client-id'] }));
});
const shopApplication = createServer((_asked, response) => {
  get('http://stock/apples', { agent: shop.agent }, (answer) => {
    response.statusCode = answer.statusCode ?? 502;
    answer.pipe(response);
  }).on('error', (error) => response.destroy(error));
});

beforeAll(async () => {
  mesh = await EmbeddedMesh.start();
  stock = await mesh.service('stock', { server: stockApplication, allow: ['shop'] });
  shop = await mesh.service('shop', { server: shopApplication });
  stranger = await mesh.service('stranger');
});

afterAll(() => mesh[Symbol.asyncDispose]());

async function ask(url: string, as: Service): Promise<{ readonly status: number; readonly body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(url, { agent: as.agent }, resolve).on('error', reject));
  return { status: response.statusCode ?? 0, body: await text(response) };
}

test('the shop asks the stock under its own identity', async () => {
  const { status, body } = await ask('http://shop/', stranger);
  expect([status, JSON.parse(body)]).toEqual([200, { apples: 3, asked: shop.identity }]);
});

test('a stranger may ask the shop, but not the stock', async () => {
  expect(await ask('http://stock/apples', stranger)).toEqual({ status: 403, body: '' });
});

test('who has no certificate is refused too', async () => {
  const { ip: host, port } = mesh.addressOf('stock') ?? { ip: '', port: 0 };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host, port, agent: false, headers: { 'l5d-client-id': shop.identity } }, resolve)
      .on('error', reject)
      .end();
  });
  response.resume();
  expect(response.statusCode).toBe(403);
});

test('what travels between the services is mutual TLS', async () => {
  await ask('http://shop/', stranger);
  const requests = stock.metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith('request_total') && line.includes('direction="inbound"'));
  expect(requests.filter((line) => line.includes(`client_id="${shop.identity}"`))).not.toEqual([]);
  expect(requests.filter((line) => !line.includes('tls="true"'))).toEqual([]);
});
