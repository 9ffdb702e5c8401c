import { PassThrough } from 'node:stream';
import { manualClock } from '@weft/core';
import { expect, test } from 'vitest';
import { peek } from './peek.ts';

test('shows the first read and leaves it to the next reader', async () => {
  const stream = new PassThrough();
  stream.write('hello');
  const seen = await peek(stream, { timeoutMs: 1, clock: manualClock() });
  expect(seen).toMatchObject({ kind: 'bytes', bytes: Buffer.from('hello') });
  expect((stream.read() as Buffer).toString()).toBe('hello');
});

test('gathers until enough is there, also when the end follows', async () => {
  const stream = new PassThrough();
  const seen = peek(stream, { timeoutMs: 1, clock: manualClock(), more: (bytes) => bytes.length < 4 });
  stream.write('ab');
  setImmediate(() => stream.end('cd'));
  expect(await seen).toMatchObject({ kind: 'bytes', bytes: Buffer.from('abcd') });
  expect((stream.read() as Buffer).toString()).toBe('abcd');
});

test('gives up when the time is over, and puts back what came', async () => {
  const clock = manualClock();
  const stream = new PassThrough();
  const seen = peek(stream, { timeoutMs: 10, clock, more: () => true });
  stream.write('ab');
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10);
  expect(await seen).toEqual({ kind: 'timeout' });
  expect((stream.read() as Buffer).toString()).toBe('ab');
  expect(clock.pending).toBe(0);
});

test('says that the stream ended or broke before a byte', async () => {
  const ended = new PassThrough();
  ended.end();
  expect(await peek(ended, { timeoutMs: 1, clock: manualClock() })).toEqual({ kind: 'closed' });
  const broken = new PassThrough();
  const seen = peek(broken, { timeoutMs: 1, clock: manualClock() });
  broken.destroy(new Error('reset'));
  expect(await seen).toMatchObject({ kind: 'closed', error: { message: 'reset' } });
  expect(await peek(broken, { timeoutMs: 1, clock: manualClock() })).toEqual({ kind: 'closed' });
});
