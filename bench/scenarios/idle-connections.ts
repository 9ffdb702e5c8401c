// What an idle connection costs in resident memory: thousands of them, each after one request. A first part of them pays for what a
// proxy needs once; the figure is the growth from there, divided by the number of the others.
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { entry, type Path, straight, terminating } from '../hop.ts';
import { PEERS } from '../peers/index.ts';
import type { Peer } from '../peers/peer.ts';
import { conversation } from '../processes/conversation.ts';
import { pinProxy } from '../processes/cores.ts';
import { residentMib } from '../processes/usage.ts';
import { type IdleFigures, round } from '../report.ts';
import type { Scenario, ScenarioContext } from '../scenario.ts';
import { backends } from './backends.ts';

const NAME = 'conns-5000';
const KINDS: Readonly<Record<string, Path>> = { h1: straight('h1'), h2: straight('h2'), 'h2-tls': terminating };
const FULL = { connections: 5000, settleMs: 3000 };
const QUICK = { connections: 500, settleMs: 100 };
/** Descriptors that a process needs beside its connections. */
const SPARE_FILES = 500;
const FIRST_PART = 0.2;

export const idle: Scenario = {
  name: NAME,
  about: 'memory of each idle connection: HTTP/1.1, HTTP/2, HTTP/2 in TLS',
  async run(context) {
    const { quick, takesPart, log } = context;
    const { connections: wanted, settleMs } = quick ? QUICK : FULL;
    const files = Number(spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout) || Number.POSITIVE_INFINITY;
    const connections = Math.min(wanted, Math.floor((files - SPARE_FILES) / 2));
    const skipped = connections < wanted ? [`connections beyond ${connections}: a process may open ${files} files (ulimit -Hn)`] : [];
    const proxies: Record<string, IdleFigures> = {};
    for (const peer of PEERS.filter(({ name, judge }) => takesPart(name) && (!quick || judge))) {
      const reason = peer.missing();
      const kinds = Object.entries(KINDS).filter(([, path]) => peer.carries(path));
      if (reason !== undefined) skipped.push(reason);
      if (reason !== undefined || kinds.length === 0) continue;
      const parts = new Map<string, Held>();
      for (const [kind, path] of kinds) {
        const held = await hold(peer, path, connections, settleMs, context).catch((error: unknown) => `${peer.name}, ${kind}: ${String(error)}`);
        if (typeof held === 'string') skipped.push(held);
        else parts.set(kind, held);
      }
      if (parts.size === 0) continue;
      proxies[peer.name] = {
        idle_rss_mib: round(Math.min(...[...parts.values()].map(({ idleMib }) => idleMib)), 1),
        rss_mib: round(Math.max(...[...parts.values()].map(({ fullMib }) => fullMib)), 1),
        connections,
        bytes_per_connection: Object.fromEntries([...parts].map(([kind, { bytesEach }]) => [kind, round(bytesEach, 0)])),
      };
      log(`${NAME}: ${peer.name} ${[...parts].map(([kind, { bytesEach }]) => `${kind} ${(bytesEach / 1024).toFixed(1)} KiB`).join(', ')}`);
    }
    return { name: NAME, proxies, skipped };
  },
};

interface Held {
  readonly idleMib: number;
  readonly fullMib: number;
  readonly bytesEach: number;
}

async function hold(peer: Peer, path: Path, connections: number, settleMs: number, { identity }: ScenarioContext): Promise<Held> {
  const behind = backends({});
  const proxy = await peer.start(path, { identity, backend: behind.port });
  const { protocol, tls } = entry(path);
  const { anchors, client, server } = identity;
  const clients = conversation<number, number>(
    'idle-connections',
    protocol,
    proxy.host ?? '127.0.0.1',
    proxy.port,
    ...(tls ? [anchors, client.certificate, client.key, server.name] : []),
  );
  try {
    proxy.pids.forEach((pid, index) => pinProxy(pid, index));
    const resident = async (): Promise<number> => {
      await delay(settleMs);
      return proxy.pids.reduce((sum, pid) => sum + residentMib(pid), 0);
    };
    const idleMib = await resident();
    const first = Math.floor(connections * FIRST_PART);
    await clients.ask(first);
    const firstMib = await resident();
    await clients.ask(connections);
    const fullMib = await resident();
    return { idleMib, fullMib, bytesEach: ((fullMib - firstMib) * 2 ** 20) / (connections - first) };
  } finally {
    await clients.close();
    await proxy.close();
    await behind.close();
  }
}
