// What the admin listener lets one change. spec/proxy.md §9.8.
import { expect } from 'vitest';
import { get } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { readyProxy } from '../process/proxy-process.ts';
import { acceptanceCase } from './case.ts';

acceptanceCase('proxy-log-level', async () => {
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env: { LINKERD2_PROXY_LOG: 'warn,linkerd=info' } });
  const ask = (method: string, body?: string) => get(proxy.adminPort, { method, path: '/proxy-log-level', ...(body !== undefined && { body }) });
  expect(await ask('GET')).toMatchObject({ status: 200, body: expect.stringContaining('linkerd=info') as string });
  expect((await ask('PUT', 'warn,linkerd=debug')).status).toBe(204);
  expect((await ask('GET')).body).toContain('linkerd=debug');
  expect((await ask('PUT', 'linkerd=loud')).status).toBe(400);
  expect((await ask('GET')).body).toContain('linkerd=debug');
  expect((await ask('POST', 'warn')).status).toBe(405);
});
