import type { LocalResponse, RequestHead } from '@weft/http';
import { describe, expect, test, vi } from 'vitest';
import { processRoutes } from './admin-routes.ts';

const head = (method: string, path: string, headers: string[] = []): RequestHead => ({
  method,
  path,
  headers,
  version: '1.1',
  form: 'origin',
  scheme: undefined,
  authority: 'proxy',
  upgrade: false,
});

async function ask(request: RequestHead, options: { shutdown?: () => void; clientIp?: string } = {}): Promise<{ status: number; body: string }> {
  const routes = processRoutes({ env: { A: '1', B: '' }, shutdown: options.shutdown });
  const route = routes.find(({ path }) => path === request.path.split('?')[0]);
  const response: LocalResponse | undefined = await route?.handle(request, options.clientIp ?? '127.0.0.1', async () => undefined);
  return { status: response?.status ?? 0, body: Buffer.from(response?.body ?? []).toString() };
}

describe('/env.json', () => {
  test.each([
    ['/env.json', '{"A":"1","B":""}'],
    ['/env.json?A&C', '{"A":"1","C":null}'],
  ])('GET %s', async (path, body) => {
    expect(await ask(head('GET', path))).toEqual({ status: 200, body });
  });

  test.each([
    [406, head('GET', '/env.json', ['accept', 'text/html'])],
    [200, head('GET', '/env.json', ['accept', 'text/html, application/json;q=0.5'])],
    [200, head('GET', '/env.json', ['accept', '*/*'])],
    [400, head('GET', '/env.json?A=1')],
    [405, head('POST', '/env.json')],
  ])('answers %d', async (status, request) => {
    expect((await ask(request)).status).toBe(status);
  });
});

describe('/shutdown', () => {
  test('shuts down on POST of the own pod', async () => {
    const shutdown = vi.fn<() => void>();
    expect((await ask(head('GET', '/shutdown'), { shutdown })).status).toBe(405);
    expect((await ask(head('POST', '/shutdown'), { shutdown, clientIp: '10.0.0.1' })).status).toBe(403);
    expect(shutdown).not.toHaveBeenCalled();
    expect((await ask(head('POST', '/shutdown'), { shutdown, clientIp: '::1' })).status).toBe(200);
    expect(shutdown).toHaveBeenCalledOnce();
  });

  test('does not exist where it is not enabled', async () => {
    expect((await ask(head('POST', '/shutdown'))).status).toBe(404);
  });
});
