// node:http on both sides: agents that keep connections, bodies both ways, trailers, 100 and 103, and peers that go away. spec/proxy.md §4.2, §4.3.
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { onEveryWay, type Route } from './ways.ts';
import { type Seen, webOverHttp1 } from './web-application.ts';

const MIB = 1024 * 1024;
const marks = new Marks();
const agents: Agent[] = [];

function keptAlive(maxSockets: number): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets });
  agents.push(agent);
  return agent;
}

afterAll(() => agents.forEach((agent) => agent.destroy()));

onEveryWay({ web: webOverHttp1(marks) }, cases);

interface Answer {
  readonly response: IncomingMessage;
  readonly body: Buffer;
  readonly call: ClientRequest;
}

function cases(route: Route<'web'>): void {
  const begin = (path: string, options: RequestOptions = {}): ClientRequest =>
    request({ host: '127.0.0.1', port: route.port('web'), path, agent: false, ...options });
  const answered = async (call: ClientRequest): Promise<Answer> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => call.once('response', resolve).once('error', reject));
    return { response, body: await buffer(response), call };
  };
  const send = (path: string, options: RequestOptions = {}, body?: Buffer): Promise<Answer> => {
    const call = begin(path, options);
    call.end(body);
    return answered(call);
  };
  const seen = async (path: string, options: RequestOptions = {}, body?: Buffer): Promise<Seen> =>
    JSON.parse((await send(path, options, body)).body.toString()) as Seen;

  test('one connection of an agent carries requests with bodies, without, and with answers that have none', async () => {
    const agent = keptAlive(1);
    const reused: boolean[] = [];
    for (const path of ['/bytes/10', '/streamed/70000', '/status/204', '/status/304', '/bytes/0', '/seen']) {
      const { call } = await send(path, { agent });
      reused.push(call.reusedSocket);
    }
    const { call } = await send('/bytes/5', { agent, method: 'HEAD' });
    expect([...reused, call.reusedSocket]).toEqual([false, true, true, true, true, true, true]);
  });

  test('many requests at a time each get their own answer', async () => {
    const agent = keptAlive(20);
    const sizes = Array.from({ length: 200 }, (_, index) => index * 37);
    const answers = await Promise.all(sizes.map((size) => send(`/bytes/${size}`, { agent })));
    expect(answers.map(({ response, body }) => [response.statusCode, sha256(body)])).toEqual(sizes.map((size) => [200, sha256(payload(size))]));
  });

  test('each method arrives, and none gets a body that it has not', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND']) {
      const answer = await seen('/seen', { method, headers: { 'x-method': method } });
      expect(answer).toMatchObject({ method, length: 0, headers: { 'x-method': method } });
      expect(answer.headers).not.toHaveProperty('transfer-encoding', 'chunked, chunked');
    }
    expect((await seen('/seen')).headers).not.toHaveProperty('transfer-encoding');
  });

  test('bodies of four megabytes arrive whole, both ways at once', async () => {
    const body = payload(4 * MIB);
    const answer = await send('/echo', { method: 'POST' }, body);
    expect(sha256(answer.body)).toBe(sha256(body));
    expect(await seen('/seen', { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }, body)).toMatchObject({
      length: body.length,
      sha256: sha256(body),
    });
  });

  test('each piece of a body is handed on as it comes', async () => {
    const call = begin('/echo', { method: 'POST' });
    call.write('one');
    const response = await new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
    for (const word of ['one', 'two', 'three']) {
      const piece = new Promise<string>((resolve) => response.once('data', (chunk: Buffer) => resolve(chunk.toString())));
      if (word !== 'one') call.write(word);
      expect(await piece).toBe(word);
    }
    call.end();
    response.resume();
    await new Promise((resolve) => response.once('end', resolve));
  });

  test('trailers go both ways', async () => {
    const call = begin('/echo', { method: 'POST', headers: { trailer: 'x-sent', 'transfer-encoding': 'chunked' } });
    call.write('body');
    call.addTrailers({ 'x-sent': 'yes' });
    call.end();
    const { response, body } = await answered(call);
    expect(body.toString()).toBe('body');
    expect(response.trailers).toEqual({ 'x-echo': 'yes' });
  });

  test('informational answers come before the answer', async () => {
    const call = begin('/hinted');
    const hint = new Promise<unknown>((resolve) => call.once('information', ({ statusCode, headers }) => resolve({ statusCode, headers })));
    call.end();
    expect((await answered(call)).body.toString()).toBe('hinted');
    expect(await hint).toMatchObject({ statusCode: 103, headers: { link: '</style.css>; rel=preload' } });
  });

  test('a body waits for 100, and is not sent where the answer is another', async () => {
    const call = begin('/seen', { method: 'POST', headers: { expect: '100-continue', 'content-length': 5 } });
    call.flushHeaders();
    await new Promise<void>((resolve) => call.once('continue', resolve));
    call.end('hello');
    expect(JSON.parse((await answered(call)).body.toString())).toMatchObject({ length: 5 });
    const refused = begin('/refused', { method: 'POST', headers: { expect: '100-continue', 'content-length': 5 } });
    refused.flushHeaders();
    const { response, body } = await answered(refused);
    expect([response.statusCode, body.toString()]).toEqual([413, 'too much']);
    refused.destroy();
  });

  test('a client that leaves is gone for the application', async () => {
    const mark = `http-${route.way}`.replaceAll(' ', '-');
    const call = begin(`/forever/${mark}`);
    call.on('error', () => undefined);
    call.end();
    const response = await new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
    await new Promise((resolve) => response.once('data', resolve));
    call.destroy();
    expect(await marks.marked(mark)).toBe(mark);
  });

  test('an answer that the application breaks off is broken for the client', async () => {
    await expect(send('/cut')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('a reader that pauses gets everything once it goes on', async () => {
    const call = begin(`/bytes/${8 * MIB}`);
    call.end();
    const response = await new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
    // Others are served meanwhile.
    for (let turn = 0; turn < 20; turn++) expect((await send('/bytes/10')).body.length).toBe(10);
    expect(response.readableFlowing).toBe(null);
    expect(sha256(await buffer(response))).toBe(sha256(payload(8 * MIB)));
  });
}
