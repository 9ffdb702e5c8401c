// The proxies of a large mesh, as a destination service sees them: connections with streams of `Get`, each of which keeps its set.
// Arguments: port, connections, streams on each, Services, nodes. Every connection asks for the first Service.
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointSet } from '@weft/core';
import { applyUpdate, destinationService, grpcChannel, RpcCode, RpcError } from '@weft/wire';
import { converse } from './conversation.ts';

export type StreamsCommand =
  /** Opens all streams; answers when each has endpoints. */
  | { readonly do: 'open' }
  /** Answers when every stream of these Services has exactly these addresses, or the time is over. */
  | { readonly do: 'await'; readonly addresses: Readonly<Record<string, readonly string[]>>; readonly seconds: number };

export interface StreamsAnswer {
  readonly streams: number;
  /** That do not have what was awaited. */
  readonly behind: number;
  /** That ended. */
  readonly ended: number;
  /** How often a set that had endpoints became empty. */
  readonly emptied: number;
  /** Messages read since the last answer. */
  readonly messages: number;
  /** When the last stream of its Service read of an address, by the machine's monotonic clock in nanoseconds; for addresses since the last answer. */
  readonly read: Readonly<Record<string, string>>;
}

interface Stream {
  readonly service: string;
  set: EndpointSet;
}

const [port = 0, connections = 0, each = 0, services = 0, nodes = 0] = process.argv.slice(2).map(Number);
const streams: Stream[] = [];
let [ended, emptied, messages] = [0, 0, 0];
const read = new Map<string, bigint>();
/** Under way at once. */
const LANES = 50;

const keyed = (set: EndpointSet): ReadonlySet<string> => new Set(set.map(({ address }) => address.ip));

async function follow(channel: ReturnType<typeof grpcChannel>, service: string, contextToken: string, ready: () => void): Promise<void> {
  const stream: Stream = { service, set: [] };
  streams.push(stream);
  let isFirst = true;
  try {
    for await (const update of channel.serverStream(destinationService.Get, { path: `${service}.mesh.svc.cluster.local:80`, contextToken })) {
      messages++;
      const applied = applyUpdate(stream.set, update, isFirst);
      if (applied.kind === 'ignored') continue;
      isFirst = false;
      const next = applied.kind === 'endpoints' ? applied.endpoints : [];
      if (next.length === 0 && stream.set.length > 0) emptied++;
      const known = keyed(stream.set);
      const now = process.hrtime.bigint();
      for (const { address } of next) if (!known.has(address.ip)) read.set(address.ip, now);
      stream.set = next;
      if (next.length > 0) ready();
    }
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== RpcCode.CANCELLED) console.error(`a stream of ${service} failed: ${String(error)}`);
  }
  ended++;
}

async function open(): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (next < connections) {
        const connection = next++;
        const channel = grpcChannel({ target: `127.0.0.1:${port}` });
        const contextToken = JSON.stringify({ ns: 'mesh', nodeName: `node-${connection % nodes}`, pod: `client-${connection}` });
        await Promise.all(
          Array.from({ length: each }, (_, n) => {
            const service = n === 0 ? 0 : 1 + ((connection * (each - 1) + n) % (services - 1));
            return new Promise<void>((resolve) => void follow(channel, `s${service}`, contextToken, resolve));
          }),
        );
      }
    }),
  );
}

/** As soon as all have, looking every few milliseconds. */
async function until(addresses: Readonly<Record<string, readonly string[]>>, seconds: number): Promise<number> {
  const wanted = new Map(Object.entries(addresses).map(([service, list]) => [service, new Set(list)]));
  const isBehind = ({ service, set }: Stream): boolean => {
    const list = wanted.get(service);
    return list !== undefined && (set.length !== list.size || set.some(({ address }) => !list.has(address.ip)));
  };
  let behind = streams.filter(isBehind);
  for (const end = performance.now() + seconds * 1000; behind.length > 0 && performance.now() < end; behind = behind.filter(isBehind)) await delay(5);
  return behind.length;
}

await converse(async (command: StreamsCommand): Promise<StreamsAnswer> => {
  if (command.do === 'open') await open();
  const behind = command.do === 'await' ? await until(command.addresses, command.seconds) : 0;
  const answer: StreamsAnswer = {
    streams: streams.length,
    behind,
    ended,
    emptied,
    messages,
    read: Object.fromEntries([...read].map(([ip, at]) => [ip, String(at)])),
  };
  read.clear();
  messages = 0;
  return answer;
});
