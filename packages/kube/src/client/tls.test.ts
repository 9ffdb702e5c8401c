// Real TLS: the authority is checked and read again, names are checked, and client certificates change from one request to the next.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { rootCertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Credentials, type KubeClient, type KubeClientOptions, kubeClient, namespaceKind } from '../index.ts';

const fixture = (name: string): string => readFileSync(new URL(`../server/admission/fixtures/${name}.pem`, import.meta.url), 'utf8');
const [ca, cert, key] = [fixture('webhook-ca'), fixture('webhook-cert'), fixture('webhook-key')];

const seen: string[] = [];
let connections = 0;
const server = https.createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
  const shown = (request.socket as TLSSocket).getPeerCertificate();
  seen.push(`${request.headers.authorization ?? 'none'} ${String(shown.subject?.CN ?? 'none')}`);
  response.writeHead(request.headers.authorization === 'Bearer old' ? 401 : 200).end('{"metadata":{"name":"a"}}');
});
server.on('secureConnection', () => connections++);
let port = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
const clients: KubeClient[] = [];
afterAll(() => {
  for (const client of clients) client.close();
  server.close();
});

function open(options: Partial<KubeClientOptions>): KubeClient {
  const client = kubeClient({ server: `https://127.0.0.1:${port}`, ...options });
  clients.push(client);
  return client;
}
const ask = (client: KubeClient) => client.get(namespaceKind, { name: 'a' });

test('the server is verified by its authority and its name', async () => {
  expect((await ask(open({ ca })))?.metadata.name).toBe('a');
  expect((await ask(open({ ca, tlsServerName: 'injector.linkerd.svc' })))?.metadata.name).toBe('a');
  await expect(ask(open({ ca, tlsServerName: 'other.svc' }))).rejects.toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('other.svc') });
  await expect(ask(open({}))).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect((await ask(open({ insecureSkipTlsVerify: true })))?.metadata.name).toBe('a');
  const dial = (): Promise<net.Socket> => Promise.resolve(net.connect(port, '127.0.0.1'));
  expect((await ask(open({ ca, dial })))?.metadata.name).toBe('a');
  await expect(ask(open({ dial }))).rejects.toMatchObject({ code: 'UNREACHABLE' });
});

test('an authority that changes holds for new connections, and idle ones of the former are given up', async () => {
  let authority = ca;
  const client = open({ ca: () => authority });
  const before = connections;
  await ask(client);
  await ask(client);
  expect(connections - before).toBe(1);
  // Not the server's issuer.
  authority = rootCertificates[0] ?? '';
  await expect(ask(client)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  authority = ca;
  await ask(client);
  expect(connections - before).toBe(2);
});

test('a client certificate is shown, changed, and left away; credentials that were refused are asked for once more', async () => {
  let now: Credentials = { cert, key };
  const refusals: Credentials[] = [];
  const credentials = {
    current: () => now,
    refused: (given: Credentials) => {
      refusals.push(given);
      now = { authorization: 'Bearer new' };
      return true;
    },
  };
  const client = open({ ca, credentials });
  seen.length = 0;
  await ask(client);
  now = {};
  await ask(client);
  now = { authorization: 'Bearer old' };
  await ask(client);
  expect(seen).toEqual(['none injector.linkerd.svc', 'none none', 'Bearer old none', 'Bearer new none']);
  expect(refusals).toEqual([{ authorization: 'Bearer old' }]);
});
