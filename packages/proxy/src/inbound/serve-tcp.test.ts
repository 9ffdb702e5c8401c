import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import {
  type Authorization,
  createRegistry,
  createWatch,
  defaultMetadata,
  type MetricRegistry,
  manualClock,
  memoryBuckets,
  memoryLogger,
  ReasonError,
  reason,
  seeded,
} from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { Connection } from '../accept/connections.ts';
import { auditLog } from '../observe/audit.ts';
import { authzMetrics } from '../observe/authz-metrics.ts';
import { refusals } from '../observe/refusals.ts';
import { compileInbound, type InboundPlan } from '../route/inbound-plan.ts';
import type { Applications } from './applications.ts';
import { serveInboundTcp } from './serve-tcp.ts';
import { inboundSession, LivePlan } from './session.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listening(onConnection: (socket: Socket) => void = () => undefined): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

async function connected(server: Server, allowHalfOpen: boolean): Promise<Socket> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen });
  sockets.push(socket.on('error', () => undefined));
  await once(socket, 'connect');
  return socket;
}

/** What admits everybody, under this name. */
const everybody = (name: string): Authorization => ({
  metadata: defaultMetadata(name),
  networks: [{ net: { ip: '0.0.0.0', prefix: 0 }, except: [] }],
  authentication: { kind: 'unauthenticated' },
});

function policy(name: string, ...authorizations: Authorization[]): InboundPlan {
  const server = { metadata: defaultMetadata(name), protocol: { kind: 'opaque', authorizations } } as const;
  return compileInbound(server, 80, { random: seeded(1), buckets: memoryBuckets({ clock: manualClock() }) });
}

/** The sum over all labels. */
function total(registry: MetricRegistry, name: string): number {
  const lines = registry.render().split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** A port before an application that sends everything back, under a policy that can be changed. `dial`: in place of connecting at once. */
async function port(first: InboundPlan, dial: (connect: () => Promise<Socket>) => Promise<Socket> = (connect) => connect()) {
  const echo = await listening((socket) => socket.pipe(socket));
  const proxy = await listening();
  const registry = createRegistry();
  const logger = memoryLogger();
  const source = createWatch<InboundPlan>();
  source.set(first);
  const shared = {
    applications: { dial: () => dial(() => connected(echo, true)) } as Partial<Applications> as Applications,
    authz: authzMetrics(registry),
    audit: auditLog(logger),
    refusals: refusals(registry, logger, manualClock()),
  };
  return {
    source,
    /** A client's connection, served. */
    async open() {
      const accepted = once(proxy, 'connection') as Promise<[Socket]>;
      const client = await connected(proxy, false);
      const connection = new Connection((await accepted)[0]);
      const plan = new LivePlan(source.watch);
      const session = inboundSession({ ip: '10.0.0.1', port: 80 }, { ip: '10.0.0.9', port: 4 }, { kind: 'none', why: 'port_skipped' }, plan);
      return {
        client,
        connection,
        served: serveInboundTcp(shared, session, connection, connection.socket).finally(() => plan.release()),
        /** Resolves when the client has seen the end, a reset too. */
        closed: new Promise((resolve) => client.once('close', resolve)),
        /** Resolves when these bytes have come back. */
        async passes(bytes: string): Promise<void> {
          client.write(bytes);
          expect(String((await once(client, 'data'))[0])).toBe(bytes);
        },
      };
    },
    logged: () => logger.records.map(({ message, fields }) => [message, fields['reason'] ?? fields['authz.name']]),
    counts: () => ({
      allowed: total(registry, 'inbound_tcp_authz_allow_total'),
      denied: total(registry, 'inbound_tcp_authz_deny_total'),
      terminated: total(registry, 'inbound_tcp_authz_terminate_total'),
      refused: total(registry, 'weft_refusals_total'),
    }),
  };
}

test('a connection is terminated once, however many policies in a row do not admit it', async () => {
  const { source, open, logged, counts } = await port(policy('open', everybody('all')));
  const { closed, served, passes } = await open();
  await passes('before');
  for (const name of ['one', 'two', 'three', 'four', 'five']) source.set(policy(name));
  const subscribed = source.references;
  await Promise.all([closed, served]);
  source.set(policy('six'));
  expect(counts()).toEqual({ allowed: 1, denied: 0, terminated: 1, refused: 1 });
  expect(logged()).toEqual([['connection refused', 'UNAUTHORIZED']]);
  expect(subscribed).toBe(0);
});

test('every connection of a port is terminated, each once', async () => {
  const { source, open, counts } = await port(policy('open', everybody('all')));
  const connections = [await open(), await open(), await open()];
  for (const { passes } of connections) await passes('before');
  for (const name of ['one', 'two']) source.set(policy(name));
  await Promise.all(connections.flatMap(({ closed, served }) => [closed, served]));
  expect(counts()).toEqual({ allowed: 3, denied: 0, terminated: 3, refused: 3 });
});

test('a connection lives on under policies that admit it, until one does not', async () => {
  const { source, open, counts } = await port(policy('open', everybody('all')));
  const { closed, served, passes } = await open();
  await passes('before');
  for (const name of ['one', 'two']) source.set(policy(name, everybody(name)));
  await passes('after');
  expect(counts()).toEqual({ allowed: 1, denied: 0, terminated: 0, refused: 0 });
  source.set(policy('three'));
  await Promise.all([closed, served]);
  expect(counts().terminated).toBe(1);
});

test('a connection that was closed for another reason is not terminated as well', async () => {
  const { source, open, counts } = await port(policy('open', everybody('all')));
  const { connection, served, passes } = await open();
  await passes('before');
  connection.destroy();
  source.set(policy('nobody'));
  await served;
  expect(counts()).toEqual({ allowed: 1, denied: 0, terminated: 0, refused: 0 });
});

test('a policy withdrawn while the application is connected to terminates the connection', async () => {
  const { source, open, counts } = await port(policy('open', everybody('all')), (connect) => {
    source.set(policy('nobody'));
    return connect();
  });
  const { client, closed, served } = await open();
  let received = '';
  client.on('data', (bytes) => {
    received += String(bytes);
    client.destroy();
  });
  client.write('early');
  await Promise.all([closed, served]);
  expect(received).toBe('');
  expect(counts()).toEqual({ allowed: 1, denied: 0, terminated: 1, refused: 1 });
});

test('a connection that is not admitted is denied, and the application not connected to', async () => {
  const { open, counts } = await port(policy('nobody'), () => Promise.reject(new ReasonError(reason('APPLICATION_UNREACHABLE'))));
  const { served } = await open();
  await expect(served).rejects.toMatchObject({ reason: { code: 'UNAUTHORIZED' } });
  expect(counts()).toEqual({ allowed: 0, denied: 1, terminated: 0, refused: 0 });
});

test('a connection that only audit admits is logged', async () => {
  const { open, logged } = await port(policy('audit', everybody('audit')));
  const { client, served, passes } = await open();
  await passes('bytes');
  client.end();
  await served;
  expect(logged()).toEqual([['Request allowed', 'audit']]);
});

test('a connection that another authorization admits is not audited', async () => {
  const { open, logged } = await port(policy('audit', everybody('all'), everybody('audit')));
  const { client, served, passes } = await open();
  await passes('bytes');
  client.end();
  await served;
  expect(logged()).toEqual([]);
});
