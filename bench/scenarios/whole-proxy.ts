// Whole proxies in their own processes, one after another under the same load, in rounds; the median of the rounds counts.
import { connect as connectHttp2 } from 'node:http2';
import { startOwn } from '../child.ts';
import { type LoadOptions, loadGenerator } from '../load/load.ts';
import { haproxy, nghttpx, nginx } from '../peers/native-peers.ts';
import { nodeHttp2Relay, nodeHttpRelay } from '../peers/node-peers.ts';
import type { Peer, Protocol, RunningPeer } from '../peers/peer.ts';
import { weft } from '../peers/weft.ts';
import { cpuTimeUs, residentMib } from '../process-usage.ts';
import { type ProxyFigures, round } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const PEERS: readonly Peer[] = [weft, nodeHttpRelay, nodeHttp2Relay, haproxy, nginx, nghttpx];

export interface WholeProxyOptions {
  readonly name: string;
  readonly about: string;
  readonly protocol: Protocol;
  readonly connections: number;
  readonly streams: number;
}

export function wholeProxy({ name, about, protocol, connections, streams }: WholeProxyOptions): Scenario {
  return {
    name,
    about,
    async run({ quick, log }) {
      const candidates = PEERS.filter(({ protocols }) => protocols.includes(protocol));
      const skipped = candidates.flatMap((peer) => peer.missing() ?? []);
      const generator = loadGenerator(protocol);
      const backend = await startOwn(`./peers/backend-${protocol}.ts`);
      const running: { readonly peer: Peer; readonly proxy: RunningPeer; readonly rounds: ProxyFigures[] }[] = [];
      try {
        for (const peer of candidates.filter((one) => one.missing() === undefined)) {
          running.push({ peer, proxy: await peer.start(protocol, backend.port), rounds: [] });
        }
        for (const { peer, proxy } of running) {
          await checkAnswer(peer.name, protocol, proxy.port);
          await generator.run({ protocol, port: proxy.port, connections, streams, seconds: quick ? 1 : 3 });
        }
        for (let number = 0; number < (quick ? 1 : 3); number++) {
          for (const { peer, proxy, rounds } of running) {
            const load = { protocol, port: proxy.port, connections, streams, seconds: quick ? 2 : 5 };
            const figures = await measure(proxy, load).catch((cause: unknown) => {
              throw new Error(`${peer.name} could not be measured`, { cause });
            });
            rounds.push(figures);
            log(`${name}: ${peer.name} ${figures.cpu_us_per_request.toFixed(1)} µs CPU per request, ${figures.rps.toFixed(0)} requests/s (${generator.name})`);
          }
        }
        return { name, proxies: Object.fromEntries(running.map(({ peer, rounds }) => [peer.name, medianOf(rounds)])), skipped };
      } finally {
        for (const { proxy } of running) await proxy.close();
        await backend.close();
      }
    },
  };
}

async function measure(proxy: RunningPeer, load: LoadOptions): Promise<ProxyFigures> {
  const before = cpuTimeUs(proxy.pid);
  const { requests, errors, seconds, p50Ms, p99Ms } = await loadGenerator(load.protocol).run(load);
  const used = cpuTimeUs(proxy.pid) - before;
  if (requests === 0) throw new Error(`no request succeeded, ${errors} failed`);
  return {
    cpu_us_per_request: round(used / requests, 2),
    rps: round(requests / seconds, 0),
    p50_ms: round(p50Ms, 3),
    p99_ms: round(p99Ms, 3),
    rss_mib: round(residentMib(proxy.pid), 1),
    errors,
  };
}

/** The round in the middle by the figure that counts. */
function medianOf(rounds: readonly ProxyFigures[]): ProxyFigures {
  const sorted = [...rounds].sort((a, b) => a.cpu_us_per_request - b.cpu_us_per_request);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new RangeError('no rounds');
  return { ...middle, errors: rounds.reduce((sum, { errors }) => sum + errors, 0) };
}

/** Before anything is measured: it does carry the backend's answer. */
async function checkAnswer(name: string, protocol: Protocol, port: number): Promise<void> {
  const body = protocol === 'h1' ? await (await fetch(`http://127.0.0.1:${port}/`)).text() : await getHttp2(port);
  if (body !== 'x'.repeat(64)) throw new Error(`${name} does not carry the answer: ${JSON.stringify(body.slice(0, 100))}`);
}

function getHttp2(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    let body = '';
    session.on('error', reject);
    const stream = session.request({ ':path': '/' });
    stream.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      session.destroy();
      resolve(body);
    });
  });
}
