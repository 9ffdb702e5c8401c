import type { LocalResponse, RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { logLevelRoute } from './log-level.ts';

function setup(filter: string) {
  const applied: string[] = [];
  const route = logLevelRoute({ filter, apply: (level) => applied.push(level) });
  const ask = async (method: string, body?: string, clientIp = '127.0.0.1'): Promise<string> => {
    const request = { method, path: '/proxy-log-level', headers: [] } as unknown as RequestHead;
    const answer: LocalResponse = await route.handle(request, clientIp, async () => (body === undefined ? undefined : Buffer.from(body)));
    return `${answer.status} ${Buffer.from(answer.body ?? []).toString()}`.trim();
  };
  return { applied, ask };
}

test('says what is logged, and changes it', async () => {
  const { applied, ask } = setup('warn,linkerd=info');
  expect(await ask('GET')).toBe('200 warn,linkerd=info');
  expect(await ask('PUT', 'linkerd=trace,error\n')).toBe('204');
  expect([applied, await ask('GET')]).toEqual([['trace'], '200 linkerd=trace,error']);
});

test('refuses filters that are none, or too long to be read, and keeps the one in force', async () => {
  const { applied, ask } = setup('warn');
  for (const body of ['linkerd=loud', '=', undefined]) expect(await ask('PUT', body)).toMatch(/^400 /);
  expect([applied, await ask('GET')]).toEqual([[], '200 warn']);
});

test('is for clients of this pod, and for two methods', async () => {
  const { ask } = setup('warn');
  expect(await ask('GET', undefined, '10.0.0.1')).toMatch(/^403 /);
  expect(await ask('PUT', 'debug', '10.0.0.1')).toMatch(/^403 /);
  expect(await ask('POST', 'debug')).toMatch(/^405 /);
});

test('does not exist where logging is off', async () => {
  const { ask } = setup('off');
  expect(await ask('GET')).toMatch(/^404 /);
  expect(await ask('PUT', 'debug')).toMatch(/^404 /);
});
