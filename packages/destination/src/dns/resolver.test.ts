import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ManualClock, manualClock } from '@weft/core';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DnsServer, startDnsServer } from '../../test/dns-server.ts';
import { type Resolution, ResolveError, type ResolveOptions, type ResolverOptions, resolver } from './resolver.ts';

const NAME = 'dst.linkerd.svc.cluster.local';
const a = (name: string, data: string, ttl = 30): Answer => ({ type: 'A', name, data, ttl });
const aaaa = (name: string, data: string, ttl = 30): Answer => ({ type: 'AAAA', name, data, ttl });
const cname = (name: string, data: string, ttl = 30): Answer => ({ type: 'CNAME', name, data, ttl });
const srv = (name: string, target: string, port: number, ttl = 30): Answer => ({ type: 'SRV', name, ttl, data: { target, port, priority: 0, weight: 1 } });

let dir: string;
let server: DnsServer;
let clock: ManualClock;
const more: DnsServer[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dns-'));
  configure('nameserver 127.0.0.1', 'options timeout:1 attempts:2');
  server = await startDnsServer();
  clock = manualClock();
});
afterEach(async () => {
  await Promise.all([server, ...more.splice(0)].map((one) => one.close()));
  rmSync(dir, { recursive: true });
});

function configure(...lines: string[]): void {
  writeFileSync(join(dir, 'resolv.conf'), `${lines.join('\n')}\n`);
}

function resolve(host: string, port = 8086, options: Partial<ResolverOptions> & ResolveOptions = {}): Promise<Resolution> {
  return resolver({ resolvConf: join(dir, 'resolv.conf'), clock, serverPort: server.port, ...options }).resolve(host, port, options);
}

const ips = async (...args: Parameters<typeof resolve>): Promise<string[]> => (await resolve(...args)).addresses.map(({ ip }) => ip);

const failure = async (promise: Promise<unknown>): Promise<ResolveError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ResolveError)) throw new Error(`expected a ResolveError, got ${String(error)}`);
  return error;
};

/** Until the promise is settled; whenever all questions that are out were lost, their time passes. */
async function throughTimeouts<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let timedOut = 0; !settled; await turn()) {
    const waiting = lost() - timedOut;
    // Each question that is out has one timer.
    if (waiting === 0 || clock.pending > waiting) continue;
    timedOut += waiting;
    clock.advance(1_000);
  }
  return promise;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const lost = (): number => server.asked.filter((one) => one === 'lost').length;

describe('SRV', () => {
  test('gives addresses and ports, and nothing more is asked', async () => {
    server.records = [srv(NAME, `10-42-0-3.${NAME}`, 9, 60), srv(NAME, `fd00--3.${NAME}`, 10, 90)];
    expect(await resolve(`${NAME}.`)).toEqual({
      addresses: [
        { ip: '10.42.0.3', port: 9 },
        { ip: 'fd00::3', port: 10 },
      ],
      ttlMs: 60_000,
    });
    expect(server.asked).toEqual([`udp SRV ${NAME}`]);
  });

  test('with a target whose first label is no address is of no use; the addresses of the name are taken', async () => {
    server.records = [srv(NAME, `10-42-0-3.${NAME}`, 9), srv(NAME, `pod-0.${NAME}`, 9), a(NAME, '10.42.0.4')];
    expect((await resolve(`${NAME}.`)).addresses).toEqual([{ ip: '10.42.0.4', port: 8086 }]);
  });

  test('that fails does not keep addresses from being found', async () => {
    server.records = [a(NAME, '10.42.0.4')];
    server.failing = ['SRV'];
    expect(await ips(`${NAME}.`)).toEqual(['10.42.0.4']);
  });

  test('and addresses are counted, found or not', async () => {
    const seen: string[] = [];
    const options = { onLookup: (record: string, result: string) => seen.push(`${record} ${result}`) };
    server.records = [a(NAME, '10.42.0.4'), srv('api', '10-0-0-1.api', 1)];
    await resolve(`${NAME}.`, 1, options);
    await resolve('api.', 1, options);
    await failure(resolve('nowhere.', 1, options));
    expect(seen).toEqual(['SRV not_found', 'A/AAAA ok', 'SRV ok', 'SRV not_found', 'A/AAAA not_found']);
  });
});

describe('addresses', () => {
  test('of both families are taken, over TCP when they do not fit, for no less than five seconds', async () => {
    server.truncate = true;
    server.records = [a(NAME, '10.43.0.9', 1), aaaa(NAME, 'fd00:0::9', 9)];
    expect(await resolve(`${NAME}.`)).toEqual({
      addresses: [
        { ip: '10.43.0.9', port: 8086 },
        { ip: 'fd00::9', port: 8086 },
      ],
      ttlMs: 5_000,
    });
    expect(server.asked).toContain(`tcp A ${NAME}`);
  });

  test('of one family are enough where the other one fails', async () => {
    server.records = [a(NAME, '10.43.0.9')];
    server.failing = ['AAAA'];
    expect(await ips(`${NAME}.`)).toEqual(['10.43.0.9']);
  });

  test('are clamped by the configured bounds', async () => {
    server.records = [a(NAME, '10.43.0.9', 100)];
    expect((await resolve(`${NAME}.`, 1, { maxTtlMs: 30_000 })).ttlMs).toBe(30_000);
    expect((await resolve(`${NAME}.`, 1, { minTtlMs: 200_000 })).ttlMs).toBe(200_000);
  });

  test('are found behind aliases, for as long as the shortest-lived of them', async () => {
    server.records = [cname(NAME, 'b.example', 20), cname('b.example', 'c.example', 7), a('c.example', '10.0.0.3', 60)];
    expect(await resolve(`${NAME}.`)).toEqual({ addresses: [{ ip: '10.0.0.3', port: 8086 }], ttlMs: 7_000 });
    server.lazy = true;
    expect((await resolve(`${NAME}.`)).ttlMs).toBe(7_000);
    expect(server.asked).toContain('udp A c.example');
  });

  test.each([false, true])('are not looked for without end (each alias asked for: %s)', async (lazy) => {
    server.lazy = lazy;
    server.records = [cname(NAME, 'b.example'), cname('b.example', NAME)];
    const error = await failure(resolve(`${NAME}.`));
    expect(error.message).toMatch(/no address is known for dst/);
    expect(server.asked.length).toBeLessThan(30);
  });

  test('of other names are not believed', async () => {
    server.records = [a(NAME, '10.43.0.9')];
    server.before = (question) => {
      const { id, questions = [] } = decode(question);
      return [encode({ type: 'response', id, questions, answers: [a('evil.example', '6.6.6.6')] })];
    };
    expect((await failure(resolve(`${NAME}.`))).message).toBe(`no address is known for ${NAME}.`);
  });
});

describe('servers', () => {
  test('are asked again when an answer is lost', async () => {
    server.records = [srv(NAME, `10-42-0-3.${NAME}`, 9)];
    server.lose = 1;
    expect((await throughTimeouts(resolve(`${NAME}.`))).addresses).toHaveLength(1);
    expect(server.asked).toEqual(['lost', `udp SRV ${NAME}`]);
  });

  test('that are silent or failing are passed over for the next one', async () => {
    configure('nameserver 127.0.0.1', 'nameserver 127.0.0.2', 'options timeout:1 attempts:1');
    const second = await startDnsServer({ ip: '127.0.0.2', port: server.port });
    more.push(second);
    second.records = [srv(NAME, `10-42-0-3.${NAME}`, 9)];
    server.lose = 1;
    expect(await throughTimeouts(ips(`${NAME}.`))).toEqual(['10.42.0.3']);
    server.failing = ['SRV'];
    expect(await ips(`${NAME}.`)).toEqual(['10.42.0.3']);
    expect([server.asked, second.asked]).toEqual([['lost', `udp SRV ${NAME}`], Array(2).fill(`udp SRV ${NAME}`)]);
  });

  test('that send garbage are given the rest of the time', async () => {
    server.records = [srv(NAME, `10-42-0-3.${NAME}`, 9)];
    server.before = (question) => {
      const { id = 0, questions = [] } = decode(question);
      const answers = [srv(NAME, '6-6-6-6.evil', 9)];
      return [
        'no DNS message',
        question,
        encode({ type: 'response', id: id ^ 1, questions, answers }),
        encode({ type: 'response', id, questions: [{ type: 'A', name: NAME }], answers }),
        encode({ type: 'response', id, questions: [{ type: 'SRV', name: 'evil' }], answers }),
        encode({ type: 'response', id, questions, answers }).subarray(0, 40),
      ];
    };
    expect(await ips(`${NAME}.`)).toEqual(['10.42.0.3']);
  });

  test('that never answer are named', async () => {
    server.lose = 100;
    const error = await throughTimeouts(failure(resolve(`${NAME}.`)));
    expect(error.message).toBe(`no address is known for ${NAME}.: DNS server 127.0.0.1 did not answer within 1000 ms`);
    expect([error.negativeTtlMs, server.asked.length]).toEqual([undefined, 6]);
  });

  test('are not waited for once nobody wants to know', async () => {
    server.lose = 1;
    const abort = new AbortController();
    const waiting = resolve(`${NAME}.`, 1, { signal: abort.signal });
    while (lost() === 0) await turn();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });
});

describe('a name without addresses', () => {
  test('is not asked for again before the time that DNS gives, within the bounds', async () => {
    server.negativeTtlSeconds = 17;
    expect((await failure(resolve('nowhere.'))).negativeTtlMs).toBe(17_000);
    expect((await failure(resolve('nowhere.', 1, { maxTtlMs: 6_000 }))).negativeTtlMs).toBe(6_000);
    server.negativeTtlSeconds = 1;
    expect((await failure(resolve('nowhere.'))).negativeTtlMs).toBe(5_000);
    server.negativeTtlSeconds = undefined;
    expect((await failure(resolve('nowhere.'))).negativeTtlMs).toBeUndefined();
  });

  test('is not taken for absent where a server failed', async () => {
    server.negativeTtlSeconds = 17;
    server.failing = ['A'];
    const error = await failure(resolve('nowhere.'));
    expect([error.negativeTtlMs, error.message]).toEqual([undefined, 'no address is known for nowhere.: DNS server 127.0.0.1 answered SERVFAIL for A nowhere']);
  });
});

describe('names', () => {
  test('with a trailing dot are asked for as they stand, others are completed', async () => {
    configure('nameserver 127.0.0.1', 'search ns.svc.cluster.local svc.cluster.local', 'options ndots:2');
    server.records = [srv('dst.linkerd.svc.cluster.local', '10-0-0-1.x', 9)];
    expect(await ips('dst.linkerd')).toEqual(['10.0.0.1']);
    expect(server.asked.filter((one) => one.includes('SRV'))).toEqual(['udp SRV dst.linkerd.ns.svc.cluster.local', 'udp SRV dst.linkerd.svc.cluster.local']);
    server.asked.length = 0;
    await failure(resolve('dst.linkerd.'));
    expect(new Set(server.asked)).toEqual(new Set(['udp SRV dst.linkerd', 'udp A dst.linkerd', 'udp AAAA dst.linkerd']));
  });

  test('in hosts, IP addresses and localhost need no DNS', async () => {
    const hosts = new Map([['dst.linkerd.svc', ['10.42.0.3']]]);
    expect(await ips('DST.linkerd.svc.', 1, { hosts: () => hosts })).toEqual(['10.42.0.3']);
    expect(await resolve('10.0.0.1', 1)).toEqual({ addresses: [{ ip: '10.0.0.1', port: 1 }], ttlMs: Number.POSITIVE_INFINITY });
    expect(await ips('localhost.')).toEqual(['127.0.0.1']);
    expect(server.asked).toEqual([]);
  });

  test('are asked of the servers that are given, for which no resolv.conf is needed', async () => {
    server.records = [a('web.test', '10.0.0.1')];
    const servers = [{ ip: '127.0.0.1', port: server.port }];
    const { addresses } = await resolver({ servers, resolvConf: join(dir, 'missing'), clock }).resolveHost('web.test', 80);
    expect(addresses).toEqual([{ ip: '10.0.0.1', port: 80 }]);
  });

  test('in a hosts file need no DNS, and are read again each time', async () => {
    const hostsFile = join(dir, 'hosts');
    const names = resolver({ resolvConf: join(dir, 'resolv.conf'), hostsFile, serverPort: server.port, clock });
    server.records = [a('web.test', '10.0.0.1')];
    expect((await names.resolveHost('web.test.', 80)).addresses).toEqual([{ ip: '10.0.0.1', port: 80 }]);
    server.asked.length = 0;
    writeFileSync(hostsFile, '10.0.0.7 web.test\nfd00::7 web.test\n');
    expect(await names.resolveHost('web.test.', 80)).toEqual({
      addresses: [
        { ip: '10.0.0.7', port: 80 },
        { ip: 'fd00::7', port: 80 },
      ],
      ttlMs: 5_000,
    });
    expect(server.asked).toEqual([]);
  });

  test('beyond the bound wait for their turn', async () => {
    server.records = [a('web.test', '10.0.0.1')];
    server.lose = 1;
    const names = resolver({ resolvConf: join(dir, 'resolv.conf'), serverPort: server.port, maxQueries: 1, clock });
    const all = Promise.all(Array.from({ length: 20 }, () => names.resolveHost('web.test.', 80)));
    while (lost() === 0) await turn();
    // None of the others has even a socket.
    expect(clock.pending).toBe(1);
    expect((await throughTimeouts(all)).every(({ addresses }) => addresses.length === 1)).toBe(true);
  });

  test('cannot be resolved without resolv.conf', async () => {
    expect((await failure(resolve('web.', 1, { resolvConf: join(dir, 'missing') }))).message).toContain('missing cannot be read');
  });
});
