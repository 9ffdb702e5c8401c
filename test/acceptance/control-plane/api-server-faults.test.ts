// A controller as a process behind an API server that refuses, forgets and is full: it gets through, loses nothing, and tells of it in its metrics.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { endpointOf, kubeconfigOf, startCluster } from './cluster.ts';
import { isForeign, runController, startController, stopControllers } from './controller.ts';
import { openEndpoints } from './stream.ts';

afterAll(stopControllers);

const status = (code: number, reason: string): string => JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason });

test.skipIf(isForeign('destination'))('endpoints arrive through refused tokens, a full server, forgotten history and connections that are cut', async () => {
  await using cluster = await startCluster();
  const ns = await cluster.namespace();
  await ns.service('web', undefined, { clusterIP: '10.43.0.80' });
  const pod = await ns.pod('web-1', { ip: '10.42.0.1' });
  await ns.slice('web', [endpointOf(pod)]);

  let refused = 0;
  let full = 0;
  let expired = 0;
  let cut = 0;
  const front = createServer((message, response) => {
    const { method = 'GET', url = '/', headers } = message;
    const isWatch = url.includes('watch=true');
    if (headers.authorization !== 'Bearer token-2') {
      refused++;
      return response.writeHead(401).end(status(401, 'Unauthorized'));
    }
    if (!isWatch && full++ < 3) return response.writeHead(429, { 'retry-after': '0' }).end(status(429, 'TooManyRequests'));
    if (isWatch && expired++ < 3) return response.writeHead(410).end(status(410, 'Expired'));
    const { authorization: _, ...rest } = headers;
    const onward = request({ host: '127.0.0.1', port: cluster.port, method, path: url, headers: rest, agent: false }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      response.flushHeaders();
      upstream.on('data', (chunk: Buffer) => {
        // The first news of each of three watches ends in the middle.
        if (!isWatch || cut >= 3) return void response.write(chunk);
        cut++;
        response.write(chunk.subarray(0, chunk.length >> 1), () => response.destroy());
      });
      upstream.on('end', () => response.end());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    message.pipe(onward);
    return undefined;
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');

  // A plug-in that counts how often it was asked.
  const [plugin, count] = [join(cluster.dir, 'plugin.cjs'), join(cluster.dir, 'count')];
  writeFileSync(
    plugin,
    `const fs = require('node:fs');
fs.appendFileSync(${JSON.stringify(count)}, 'x');
const token = 'token-' + fs.readFileSync(${JSON.stringify(count)}, 'utf8').length;
console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }));
`,
  );
  const kubeconfig = join(cluster.dir, 'faulty');
  const exec = `{ apiVersion: client.authentication.k8s.io/v1, command: ${process.execPath}, args: [${plugin}], interactiveMode: Never }`;
  writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${(front.address() as AddressInfo).port}`).replace('user: {}', `user: { exec: ${exec} }`));

  await using destination = await startController('destination', [`-kubeconfig=${kubeconfig}`]);
  const endpoints = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await endpoints.has('10.42.0.1:8080');
  const second = await ns.pod('web-2', { ip: '10.42.0.2' });
  await ns.slice('web', [endpointOf(pod), endpointOf(second)]);
  await endpoints.has('10.42.0.1:8080', '10.42.0.2:8080');
  expect(refused).toBeGreaterThan(0);
  expect([full >= 3, expired >= 3, cut]).toEqual([true, true, 3]);
  const removed = endpoints.messages.flatMap(({ remove }) => remove?.addrs ?? []);
  expect(removed).toEqual([]);
  expect(await destination.metric('pod_cache_size', { cluster: 'local' })).toBe(2);
  expect(await destination.metric('http_client_requests_total', { client: 'k8s', code: '410', method: 'get' })).toBe(3);
  expect(await destination.metric('weft_kube_watch_restarts_total', { cause: 'expired' })).toBe(3);
  expect(await destination.metric('weft_kube_stale_stores')).toBe(0);
  front.closeAllConnections();
  front.close();
});

test.skipIf(isForeign('destination'))('everything that is wrong in a kubeconfig is said before anything starts', async () => {
  await using cluster = await startCluster();
  const kubeconfig = join(cluster.dir, 'wrong');
  writeFileSync(
    kubeconfig,
    kubeconfigOf('ftp://127.0.0.1').replace('user: {}', 'user: { tokenFile: none, client-key-data: "" , client-certificate: absent.pem }'),
  );
  const { code, stderr } = await runController('destination', [`-kubeconfig=${kubeconfig}`]);
  expect(code).toBe(64);
  for (const part of [
    'cluster test: server: ftp://127.0.0.1 is not an http or https URL',
    'user test: tokenFile: cannot read',
    'user test: client-certificate: cannot read',
  ])
    expect(stderr).toContain(`${kubeconfig}: ${part}`);
});
