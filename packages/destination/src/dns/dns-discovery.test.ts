// Discovery over DNS against a DNS server over UDP and TCP on loopback, which misbehaves as told; on a manual clock.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EndpointSet, formatSocketAddress, type ManualClock, manualClock, memoryLogger, seeded, type Watch, type WatchState } from '@weft/core';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CallsOut, callsOut } from '../../test/calls-out.ts';
import { type DnsServer, startDnsServer } from '../../test/dns-server.ts';
import { type DnsDiscovery, type DnsDiscoveryOptions, dnsDiscovery } from './dns-discovery.ts';
import { resolver } from './resolver.ts';

const a = (name: string, data: string, ttl = 30): Answer => ({ type: 'A', name, data, ttl });
const aaaa = (name: string, data: string, ttl = 30): Answer => ({ type: 'AAAA', name, data, ttl });
const srv = (name: string, target: string, port: number, { priority = 0, weight = 1, ttl = 30 } = {}): Answer => ({
  type: 'SRV',
  name,
  ttl,
  data: { target, port, priority, weight },
});
const SERVICE = '_http._tcp.web.test';

let dir: string;
let server: DnsServer;
let clock: ManualClock;
let resolutions: CallsOut;
const cleanups: (() => void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dns-'));
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\nsearch ns.svc.test svc.test\noptions timeout:1 attempts:1 ndots:2\n');
  server = await startDnsServer();
  clock = manualClock();
  resolutions = callsOut();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await server.close();
  rmSync(dir, { recursive: true });
});

function setup(options: Partial<DnsDiscoveryOptions> = {}): DnsDiscovery {
  const names = resolutions.resolver(resolver({ resolvConf: join(dir, 'resolv.conf'), serverPort: server.port, maxTtlMs: 300_000, clock }));
  const discovery = dnsDiscovery({ resolver: names, clock, random: seeded(1), backoff: { minMs: 100, maxMs: 1_000, jitter: 0 }, ...options });
  cleanups.push(() => discovery.close());
  return discovery;
}

function follow(watch: Watch<EndpointSet>) {
  const states: WatchState<EndpointSet>[] = [];
  const stop = watch.subscribe((state) => states.push(state));
  cleanups.push(stop);
  return {
    states,
    stop,
    /** `stale`, then addresses; or the kind of the state. */
    get now(): unknown {
      const state = states.at(-1);
      if (state?.kind === 'value') return [...(state.stale ? ['stale'] : []), ...state.value.map(({ address }) => formatSocketAddress(address))];
      return state?.kind === 'absent' && state.stale ? 'stale absent' : state?.kind;
    },
    get value(): EndpointSet {
      const state = states.at(-1);
      return state?.kind === 'value' ? state.value : [];
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turn();
};
/** Until no resolution is under way, and what it found is taken; the timer for the next one is set then. */
const quiet = async (): Promise<void> => {
  await turn();
  await until(() => resolutions.count === 0);
  await turn();
};
/** Lets the time pass after which a resolution is due, and waits for its end. */
const resolved = async (ms: number): Promise<void> => {
  const before = server.asked.length;
  clock.advance(ms);
  await quiet();
  expect(server.asked.length).toBeGreaterThan(before);
};

describe('a host', () => {
  test('has the addresses of both families as endpoints, in plaintext', async () => {
    server.records = [a('web.test', '10.0.0.1'), a('web.test', '10.0.0.2'), aaaa('web.test', 'fd00::1')];
    const web = follow(setup().endpoints('web.test.:8080'));
    expect(web.now).toBe('pending');
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '[fd00::1]:8080']);
    expect(web.value[0]).toEqual({ address: { ip: '10.0.0.1', port: 8080 }, weight: 1, labels: {}, hint: 'none' });
    expect(server.asked.some((one) => one.includes('SRV'))).toBe(false);
  });

  test('is asked for again when the shortest-lived record has grown old; what stays is the same object in the same place', async () => {
    server.records = [a('web.test', '10.0.0.1', 60), a('web.test', '10.0.0.2', 20)];
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    const [first, second] = web.value;
    server.records = [a('web.test', '10.0.0.3', 20), a('web.test', '10.0.0.2', 20)];
    clock.advance(19_999);
    await quiet();
    expect(server.asked).toHaveLength(2);
    await resolved(1);
    expect(web.now).toEqual(['10.0.0.2:80', '10.0.0.3:80']);
    expect([web.value[0] === second, web.value.includes(first as never)]).toEqual([true, false]);
    // The same in another order is no change.
    server.records.reverse();
    const told = web.states.length;
    await resolved(20_000);
    expect(web.states).toHaveLength(told);
  });

  test('is asked for no sooner than after five seconds, and no later than after the bound', async () => {
    server.records = [a('web.test', '10.0.0.1', 0)];
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    clock.advance(4_999);
    await quiet();
    expect(server.asked).toHaveLength(2);
    server.records = [a('web.test', '10.0.0.2', 86_400)];
    await resolved(1);
    expect(web.now).toEqual(['10.0.0.2:80']);
    clock.advance(299_999);
    await quiet();
    expect(server.asked).toHaveLength(4);
    await resolved(1);
    expect(server.asked).toHaveLength(6);
  });

  test('is completed by the search list', async () => {
    server.records = [a('web.svc.test', '10.0.0.1')];
    const web = follow(setup().endpoints('web:80'));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual(['10.0.0.1:80']);
    expect([...new Set(server.asked.map((one) => one.split(' ').at(-1)))]).toEqual(['web.ns.svc.test', 'web.svc.test']);
  });

  test('with many addresses is read over TCP', async () => {
    server.truncate = true;
    server.records = Array.from({ length: 100 }, (_, n) => a('web.test', `10.0.0.${n}`));
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    expect(web.value).toHaveLength(100);
    expect(server.asked).toContain('tcp A web.test');
  });

  test('that is an address is an endpoint without a question', async () => {
    const discovery = setup();
    const [v4, v6] = [follow(discovery.endpoints('10.0.0.9:80')), follow(discovery.endpoints('[fd00::9]:80'))];
    await until(() => v4.now !== 'pending' && v6.now !== 'pending');
    expect([v4.now, v6.now, server.asked]).toEqual([['10.0.0.9:80'], ['[fd00::9]:80'], []]);
  });

  test.each(['web.test', 'web_.-:80', `${'a'.repeat(64)}.test:80`, 'no target', '', `${'a.'.repeat(127)}a:80`])('%s cannot be asked for', async (path) => {
    const web = follow(setup().endpoints(path));
    expect(web.states.at(-1)).toMatchObject({ kind: 'rejected', reason: { code: 'DISCOVERY_REJECTED' } });
    await quiet();
    expect(server.asked).toEqual([]);
  });
});

describe('a service', () => {
  test('has the addresses of its targets, with their ports and weights', async () => {
    server.records = [
      srv(SERVICE, 'a.web.test', 8080, { weight: 3 }),
      srv(SERVICE, 'b.web.test', 9090),
      a('a.web.test', '10.0.0.1'),
      aaaa('a.web.test', 'fd00::1'),
      a('b.web.test', '10.0.0.2'),
    ];
    const web = follow(setup().endpoints(`${SERVICE}.:80`));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual(['10.0.0.1:8080', '[fd00::1]:8080', '10.0.0.2:9090']);
    expect(web.value.map(({ weight }) => weight)).toEqual([3, 3, 1]);
  });

  test('whose first targets have no address falls back to the next priority', async () => {
    server.records = [
      srv(SERVICE, 'gone.web.test', 1, { priority: 1 }),
      srv(SERVICE, 'spare.web.test', 2, { priority: 5 }),
      srv(SERVICE, 'last.web.test', 3, { priority: 9 }),
      a('spare.web.test', '10.0.0.5'),
      a('last.web.test', '10.0.0.9'),
    ];
    const web = follow(setup().endpoints(`${SERVICE}.`));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual(['10.0.0.5:2']);
  });

  test('lives as long as the shortest-lived record on the way', async () => {
    server.records = [srv(SERVICE, 'a.web.test', 8080, { ttl: 60 }), a('a.web.test', '10.0.0.1', 10)];
    const web = follow(setup().endpoints(`${SERVICE}.`));
    await until(() => web.now !== 'pending');
    server.records = [srv(SERVICE, 'a.web.test', 8081, { ttl: 60, weight: 1 }), a('a.web.test', '10.0.0.1', 10)];
    await resolved(10_000);
    expect(web.now).toEqual(['10.0.0.1:8081']);
  });

  test.each([
    ['that is said not to be available', '.'],
    ['whose target has no address', 'gone.web.test'],
  ])('%s is empty', async (_name, target) => {
    server.records = [srv(SERVICE, target, 1)];
    const web = follow(setup().endpoints(`${SERVICE}.`));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual([]);
  });

  test('is read to a bound of targets', async () => {
    server.truncate = true;
    server.records = Array.from({ length: 200 }, (_, n) => [srv(SERVICE, `p${n}.test`, 80), a(`p${n}.test`, `10.0.0.${n}`)]).flat();
    const web = follow(setup().endpoints(`${SERVICE}.`));
    await until(() => web.now !== 'pending');
    expect(web.value).toHaveLength(128);
  });
});

describe('without an answer', () => {
  test('a name that does not exist is absent until it does, and asked for as often as DNS says', async () => {
    server.negativeTtlSeconds = 17;
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    expect(web.now).toBe('absent');
    server.records = [a('web.test', '10.0.0.1')];
    clock.advance(16_999);
    await quiet();
    expect(server.asked).toHaveLength(2);
    await resolved(1);
    expect(web.now).toEqual(['10.0.0.1:80']);
  });

  test('a name that exists without addresses is empty', async () => {
    server.records = [{ type: 'TXT', name: 'web.test', ttl: 30, data: 'x' }];
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual([]);
  });

  test('the last set stays, marked, while a server fails or is silent; and a name that ceases to exist is absent', async () => {
    server.records = [a('web.test', '10.0.0.1', 5)];
    const logger = memoryLogger();
    const web = follow(setup({ logger }).endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    server.failing = ['A', 'AAAA'];
    await resolved(5_000);
    expect(web.now).toEqual(['stale', '10.0.0.1:80']);
    server.failing = [];
    server.lose = 2;
    clock.advance(100);
    await until(() => server.lose === 0);
    clock.advance(1_000);
    await quiet();
    expect(web.now).toEqual(['stale', '10.0.0.1:80']);
    expect(logger.records.at(-1)).toMatchObject({ level: 'warn', fields: { path: 'web.test.:80', verdict: 'failed', retryInMs: 200 } });
    await resolved(200);
    expect(web.now).toEqual(['10.0.0.1:80']);
    server.records = [];
    await resolved(5_000);
    expect(web.now).toBe('absent');
    server.failing = ['A'];
    await resolved(1_000);
    expect(web.now).toBe('stale absent');
  });

  test('nothing is known while no server has answered', async () => {
    server.failing = ['A', 'AAAA'];
    const web = follow(setup().endpoints('web.test.:80'));
    await quiet();
    for (const ms of [100, 200, 400, 800, 1_000, 1_000]) await resolved(ms);
    expect([web.now, server.asked.length]).toEqual(['pending', 14]);
  });

  test('half an answer takes nothing away', async () => {
    server.records = [a('web.test', '10.0.0.1', 5), aaaa('web.test', 'fd00::1', 5)];
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    server.failing = ['AAAA'];
    server.records.push(a('web.test', '10.0.0.2', 5));
    await resolved(5_000);
    expect(web.now).toEqual(['stale', '10.0.0.1:80', '[fd00::1]:80', '10.0.0.2:80']);
    server.failing = [];
    server.records = [aaaa('web.test', 'fd00::2', 5)];
    await resolved(5_000);
    expect(web.now).toEqual(['[fd00::2]:80']);
  });

  test('garbage, forged answers and answers to others are passed over', async () => {
    server.records = [a('web.test', '10.0.0.1')];
    server.before = (question) => {
      const { id = 0, questions = [] } = decode(question);
      const forged = [a('web.test', '6.6.6.6')];
      return ['garbage', question, encode({ type: 'response', id: id ^ 1, questions, answers: forged }), encode({ type: 'response', id, answers: forged })];
    };
    const web = follow(setup().endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    expect(web.now).toEqual(['10.0.0.1:80']);
  });
});

describe('watches', () => {
  test('of one name share its questions, which end when the last user has left and the idle time has passed', async () => {
    server.records = [a('web.test', '10.0.0.1', 30)];
    const discovery = setup({ idleMs: 3_000 });
    const [first, second] = [follow(discovery.endpoints('web.test.:80')), follow(discovery.endpoints('web.test.:80'))];
    await until(() => first.now !== 'pending' && second.now !== 'pending');
    expect(server.asked).toHaveLength(2);
    first.stop();
    second.stop();
    clock.advance(2_999);
    follow(discovery.endpoints('web.test.:80')).stop();
    clock.advance(3_000);
    await quiet();
    expect([server.asked.length, clock.pending]).toEqual([2, 0]);
  });

  test('beyond the bound are rejected until others are let go', async () => {
    const discovery = setup({ maxWatches: 1 });
    const first = follow(discovery.endpoints('a.test.:80'));
    const second = follow(discovery.endpoints('b.test.:80'));
    expect(second.states.at(-1)).toMatchObject({ kind: 'rejected', reason: { code: 'DISCOVERY_LIMIT' } });
    second.stop();
    first.stop();
    const third = follow(discovery.endpoints('b.test.:80'));
    await until(() => third.now === 'absent');
  });

  test('end when discovery is closed, and keep what they know', async () => {
    server.records = [a('web.test', '10.0.0.1')];
    const discovery = setup();
    const web = follow(discovery.endpoints('web.test.:80'));
    await until(() => web.now !== 'pending');
    discovery.close();
    await quiet();
    expect([web.now, clock.pending]).toEqual([['stale', '10.0.0.1:80'], 0]);
  });

  test('of profiles are absent', () => {
    expect(setup().profile('web.test:80').state).toEqual({ kind: 'absent', stale: false });
  });
});
