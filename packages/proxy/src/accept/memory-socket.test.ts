import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { ReasonError, reason } from '@weft/core';
import { expect, test } from 'vitest';
import { explain, type MemoryPair, memoryPair } from './memory-socket.ts';

/** Everything until the other side ends; what node:stream offers for it destroys a stream that is still to be written to. */
function readAll(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => resolve(String(Buffer.concat(chunks))));
  });
}

const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => stream.once('close', resolve));

/** An http.Agent and an http.Server, joined in memory. */
function joined(server: ReturnType<typeof createServer>): Agent {
  return new (class extends Agent {
    override createConnection(): MemoryPair['application'] {
      const { proxy, application } = memoryPair({ allowHalfOpen: false });
      server.emit('connection', proxy);
      return application;
    }
  })({ keepAlive: true });
}

test('Node speaks HTTP over it on both ends, more than once', async () => {
  const agent = joined(createServer((asked, response) => void asked.pipe(response)));
  for (const reused of [false, true]) {
    const asked = request('http://any/', { agent, method: 'POST' });
    asked.end('hello');
    const [response] = await once(asked, 'response');
    expect([await text(response), asked.reusedSocket]).toEqual(['hello', reused]);
  }
  agent.destroy();
});

test('a writer waits for a reader', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  let written = 0;
  const chunk = Buffer.alloc(16_384);
  while (proxy.write(chunk, () => (written += 1)));
  await new Promise(setImmediate);
  const before = written;
  proxy.end();
  const all = await buffer(application);
  expect(before * chunk.length).toBeLessThan(all.length);
  expect([all.length, application.bytesRead]).toEqual([proxy.bytesWritten, proxy.bytesWritten]);
});

test('a writer may use its buffer again once it was written', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  const chunk = Buffer.from('first');
  await new Promise<void>((resolve) => proxy.write(chunk, () => resolve()));
  chunk.fill('x');
  proxy.end();
  expect(await readAll(application)).toBe('first');
});

test('one side may end before the other', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  application.end('question');
  expect(await readAll(proxy)).toBe('question');
  proxy.end('answer');
  expect(await readAll(application)).toBe('answer');
});

test('a destroyed end is an end for the other, whose writes then fail', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  proxy.write('last words');
  proxy.destroy();
  expect(await readAll(application)).toBe('last words');
  const failed = closed(application);
  let code: string | undefined;
  application.write('too late', (error) => (code = (error as NodeJS.ErrnoException | null | undefined)?.code));
  await failed;
  expect(code).toBe('EPIPE');
});

test('a write that waits fails when the other end goes away', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  let error: unknown;
  application.write(Buffer.alloc(200_000), (failed) => (error = failed));
  proxy.destroy();
  await closed(application);
  expect(error).toMatchObject({ code: 'EPIPE' });
});

test('an end that breaks resets the other', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  const [error] = await Promise.all([once(application, 'error').then(([thrown]: unknown[]) => thrown), Promise.resolve(proxy.destroy(new Error('gone')))]);
  expect(error).toMatchObject({ code: 'ECONNRESET' });
});

test('a reason that was given is what the other end breaks with', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: true });
  explain(proxy, reason('DRAINING'));
  proxy.destroy();
  const [error] = await once(application, 'error');
  expect(error).toBeInstanceOf(ReasonError);
  expect(error).toMatchObject({ reason: { code: 'DRAINING' } });
});

test('an end that does not keep itself half-open closes with the other', async () => {
  const { proxy, application } = memoryPair({ allowHalfOpen: false });
  application.resume();
  proxy.resume().end();
  await Promise.all([closed(application), closed(proxy)]);
  expect([application.writableFinished, proxy.readableEnded]).toEqual([true, true]);
});

test('silence is told once a timeout was asked for', async () => {
  const { application } = memoryPair({ allowHalfOpen: true });
  await new Promise<void>((resolve) => application.setTimeout(1, resolve));
  application.setTimeout(0);
  expect(application.timeout).toBe(0);
});
