import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@weft/core';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { candidateNames, parseResolvConf } from './resolv-conf.ts';
import { fromSrv, type Resolver, type ResolverOptions, resolver } from './resolver.ts';

describe('resolv.conf', () => {
  test('is read as the system reads it', () => {
    expect(
      parseResolvConf(
        '# comment\nnameserver 10.43.0.10\nnameserver fe80::1%eth0\nnameserver x\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5 timeout:2 attempts:9 rotate',
      ),
    ).toEqual({
      servers: [
        { ip: '10.43.0.10', port: 53 },
        { ip: 'fe80::1', port: 53 },
      ],
      search: ['a.svc.cluster.local', 'svc.cluster.local'],
      ndots: 5,
      timeoutMs: 2_000,
      attempts: 5,
    });
    expect(parseResolvConf('').servers).toEqual([{ ip: '127.0.0.1', port: 53 }]);
  });

  test('says which names are asked for', () => {
    const conf = { search: ['ns.svc', 'svc.'], ndots: 2 };
    expect(candidateNames('web.ns.', conf)).toEqual(['web.ns']);
    expect(candidateNames('web', conf)).toEqual(['web.ns.svc', 'web.svc', 'web']);
    expect(candidateNames('web.ns.svc', conf)).toEqual(['web.ns.svc', 'web.ns.svc.ns.svc', 'web.ns.svc.svc']);
  });
});

test('the first label of an SRV target is an address, or the answer is of no use', () => {
  const srv = (target: string, ttl = 30): Answer => ({ type: 'SRV', name: 'x', ttl, data: { target, port: 8086, priority: 0, weight: 1 } });
  expect(fromSrv({ answers: [srv('10-42-0-3.dst.linkerd'), srv('fd00--3.dst.linkerd', 7)] })).toEqual({
    addresses: [
      { ip: '10.42.0.3', port: 8086 },
      { ip: 'fd00::3', port: 8086 },
    ],
    ttlSeconds: 7,
  });
  expect(fromSrv({ answers: [srv('10-42-0-3.dst'), srv('pod-0.dst')] })).toBeUndefined();
  expect(fromSrv({ answers: [] })).toBeUndefined();
});

describe('against a DNS server', () => {
  let dir: string;
  let udp: UdpSocket;
  let tcp: Server;
  let port: number;
  let asked: string[];
  let answers: Record<string, Answer[]>;
  let truncate: boolean;

  const reply = (message: Buffer, overUdp: boolean): Buffer => {
    const { id, questions = [] } = decode(message);
    const { type, name } = questions[0] ?? { type: 'A', name: '' };
    asked.push(`${overUdp ? 'udp' : 'tcp'} ${type} ${name}`);
    const found = answers[`${type} ${name}`];
    const known = Object.keys(answers).some((key) => key.endsWith(` ${name}`));
    const cut = overUdp && truncate;
    return encode({ type: 'response', id, questions, answers: cut ? [] : (found ?? []), flags: (known ? 0 : 3) | (cut ? 1 << 9 : 0) });
  };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'dns-'));
    writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    asked = [];
    answers = {};
    truncate = false;
    tcp = createServer((socket) => {
      socket.once('data', (data: Buffer) => {
        const message = reply(data.subarray(2), false);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        // In two pieces, to be put together again.
        socket.write(Buffer.concat([length, message.subarray(0, 5)]));
        setImmediate(() => socket.end(message.subarray(5)));
      });
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    port = (tcp.address() as { port: number }).port;
    udp = createSocket('udp4');
    udp.on('message', (message, from) => {
      udp.send('no DNS message', from.port, from.address);
      udp.send(reply(message, true), from.port, from.address);
    });
    await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
    rmSync(dir, { recursive: true });
  });

  const make = (options: Partial<ResolverOptions> = {}): Resolver =>
    resolver({ resolvConf: join(dir, 'resolv.conf'), clock: systemClock(), serverPort: port, ...options });

  test('SRV gives addresses and ports, and nothing more is asked', async () => {
    answers['SRV dst.linkerd.svc'] = [
      { type: 'SRV', name: 'dst.linkerd.svc', ttl: 60, data: { target: '10-42-0-3.dst.linkerd.svc', port: 9, priority: 0, weight: 1 } },
    ];
    expect(await make().resolve('dst.linkerd.svc.', 8086)).toEqual({ addresses: [{ ip: '10.42.0.3', port: 9 }], ttlMs: 60_000 });
    expect(asked).toEqual(['udp SRV dst.linkerd.svc']);
  });

  test('without SRV the addresses of the name are taken, over TCP when they do not fit, for no less than five seconds', async () => {
    truncate = true;
    answers['A policy.linkerd.svc'] = [{ type: 'A', name: 'policy.linkerd.svc', ttl: 1, data: '10.43.0.9' }];
    answers['AAAA policy.linkerd.svc'] = [{ type: 'AAAA', name: 'policy.linkerd.svc', ttl: 9, data: 'fd00:0::9' }];
    expect(await make().resolve('policy.linkerd.svc.', 8090)).toEqual({
      addresses: [
        { ip: '10.43.0.9', port: 8090 },
        { ip: 'fd00::9', port: 8090 },
      ],
      ttlMs: 5_000,
    });
    expect(asked).toContain('tcp A policy.linkerd.svc');
  });

  test('configured bounds clamp the life of answers', async () => {
    answers['A policy'] = [{ type: 'A', name: 'policy', ttl: 100, data: '10.43.0.9' }];
    expect((await make({ maxTtlMs: 30_000 }).resolve('policy.', 1)).ttlMs).toBe(30_000);
    expect((await make({ minTtlMs: 200_000 }).resolve('policy.', 1)).ttlMs).toBe(200_000);
  });

  test('hosts, IP addresses and localhost need no DNS', async () => {
    const hosts = new Map([['dst.linkerd.svc', ['10.42.0.3']]]);
    const { resolve } = make({ hosts: () => hosts });
    expect((await resolve('DST.linkerd.svc.', 8086)).addresses).toEqual([{ ip: '10.42.0.3', port: 8086 }]);
    expect((await resolve('10.0.0.1', 1)).addresses).toEqual([{ ip: '10.0.0.1', port: 1 }]);
    expect((await resolve('localhost.', 1)).addresses).toEqual([{ ip: '127.0.0.1', port: 1 }]);
    expect(asked).toEqual([]);
  });

  test('an unknown name and a silent server are failures that say so', async () => {
    await expect(make().resolve('nowhere.', 1)).rejects.toThrow('no address is known for nowhere.');
    udp.removeAllListeners('message');
    const real = systemClock();
    const clock = { ...real, after: (ms: number, fn: () => void) => real.after(ms / 50, fn) };
    await expect(make({ clock }).resolve('web.', 1)).rejects.toThrow('127.0.0.1 did not answer within 1000 ms');
    await expect(make().resolve('web.', 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
