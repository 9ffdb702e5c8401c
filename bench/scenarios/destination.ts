// The destination service of a large mesh: memory with all streams open, how long a change takes to the last of the streams that it
// concerns, and a rolling change of every endpoint.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { percentile } from '../load/percentile.ts';
import { type Child, freePort, startServer } from '../processes/child.ts';
import { conversation } from '../processes/conversation.ts';
import { pinRest, runAnywhere } from '../processes/cores.ts';
import { residentMib } from '../processes/usage.ts';
import type { ClusterAnswer, ClusterCommand } from '../programs/cluster.ts';
import type { StreamsAnswer, StreamsCommand } from '../programs/destination-streams.ts';
import { type DestinationFigures, round } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const NAME = 'destination';
const BUNDLE = fileURLToPath(new URL('../../packages/cli/dist/bundle/weft-destination.mjs', import.meta.url));
/** Ten streams on each connection, as a proxy has that talks to ten Services. */
const FULL = { connections: 1000, services: 200, endpoints: 25, changes: 30, rollSeconds: 50 };
const QUICK = { connections: 100, services: 20, endpoints: 25, changes: 5, rollSeconds: 2 };
const STREAMS_EACH = 10;
const [ZONES, NODES] = [3, 10];
/** Longest waits for streams to have what was written: after one change, and in the end. */
const CHANGE_PATIENCE_SECONDS = 10;
const PATIENCE_SECONDS = 60;

export const destination: Scenario = {
  name: NAME,
  about: 'the destination service with thousands of streams: memory, time of a change to the last stream, a rolling change of all endpoints',
  async run({ quick, log }) {
    const size = quick ? QUICK : FULL;
    runAnywhere();
    try {
      const linkerds = process.env['LINKERD_DESTINATION_BIN'];
      const destination: Record<string, DestinationFigures> = {
        weft: await measure('weft', process.env['DESTINATION_BIN']?.split(' ') ?? [process.execPath, BUNDLE], size, log),
      };
      if (linkerds !== undefined && !quick) destination['linkerd'] = await measure('linkerd', [linkerds], size, log);
      return { name: NAME, destination };
    } finally {
      pinRest();
    }
  },
};

async function measure(label: string, command: readonly string[], size: typeof FULL, log: (line: string) => void): Promise<DestinationFigures> {
  const { connections, services, endpoints, changes, rollSeconds } = size;
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-destination-'));
  const cluster = conversation<ClusterCommand, ClusterAnswer>('cluster', services, endpoints, ZONES, NODES);
  const children: Child[] = [cluster];
  try {
    const kubeconfig = join(dir, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigOf((await cluster.ask({ do: 'address' })).url));
    const [port, adminPort] = [await freePort(), await freePort()];
    const flags = [`-kubeconfig=${kubeconfig}`, `-addr=127.0.0.1:${port}`, `-metrics-addr=127.0.0.1:${adminPort}`];
    const [program = '', ...first] = command;
    const server = await startServer(program, [...first, ...flags], { port, env: { ...process.env, HOSTNAME: 'linkerd-destination-0' } });
    children.unshift(server);
    const proxies = conversation<StreamsCommand, StreamsAnswer>('destination-streams', port, connections, STREAMS_EACH, services, NODES);
    children.unshift(proxies);
    const idleMib = residentMib(server.pid);
    const began = performance.now();
    const { streams } = await proxies.ask({ do: 'open' });
    const openedMs = performance.now() - began;
    log(`${NAME}: ${label}, ${streams} streams`);

    const delays: number[] = [];
    let missed = 0;
    for (let n = 0; n < changes; n++) {
      const { written, addresses } = await cluster.ask({ do: 'replace', service: 0 });
      const { read, behind } = await proxies.ask({ do: 'await', addresses: { s0: addresses[0] ?? [] }, seconds: CHANGE_PATIENCE_SECONDS });
      if (behind > 0) missed++;
      else delays.push(...delaysOf(written, read));
    }
    delays.sort((a, b) => a - b);
    log(`${NAME}: ${label}, a change to the last of ${connections} streams`);

    const rolling = performance.now();
    const { written, addresses } = await cluster.ask({ do: 'roll', seconds: rollSeconds });
    const rolledMs = performance.now() - rolling;
    const wanted = Object.fromEntries(addresses.map((list, service) => [`s${service}`, list]));
    const after = await proxies.ask({ do: 'await', addresses: wanted, seconds: PATIENCE_SECONDS });
    const rollDelays = delaysOf(written, after.read).sort((a, b) => a - b);
    return {
      streams,
      services,
      endpoints: services * endpoints,
      idle_rss_mib: round(idleMib, 1),
      rss_mib: round(residentMib(server.pid), 1),
      opened_ms: round(openedMs, 0),
      affected_streams: connections,
      change_p50_ms: round(percentile(delays, 0.5), 1),
      change_max_ms: round(delays.at(-1) ?? Number.NaN, 1),
      changes_missed: missed,
      roll_s: round(rolledMs / 1000, 1),
      roll_messages: after.messages,
      roll_p50_ms: round(percentile(rollDelays, 0.5), 1),
      roll_max_ms: round(rollDelays.at(-1) ?? Number.NaN, 1),
      streams_behind: after.behind,
      streams_ended: after.ended,
      emptied_sets: after.emptied,
    };
  } finally {
    for (const child of children) await child.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** From the write of a slice to when the last stream had read of each new address. */
function delaysOf(written: Readonly<Record<string, string>>, read: Readonly<Record<string, string>>): number[] {
  return Object.entries(written).flatMap(([ip, at]) => {
    const seen = read[ip];
    return seen === undefined ? [] : [Number(BigInt(seen) - BigInt(at)) / 1e6];
  });
}

const kubeconfigOf = (server: string): string => `apiVersion: v1
kind: Config
current-context: bench
clusters: [{ name: bench, cluster: { server: "${server}" } }]
contexts: [{ name: bench, context: { cluster: bench, user: bench } }]
users: [{ name: bench, user: {} }]
`;
