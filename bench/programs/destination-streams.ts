// The proxies of a large mesh, as a destination service sees them: connections with streams of `Get`, each of which keeps its set.
// Arguments: port, connections, streams on each, Services, nodes. Every connection asks for the first Service.
//
// What arrives is only kept, with the time; it is decoded when somebody wants to know. Proxies of a mesh have machines of their own:
// here their work would be time that the service does not have.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointSet } from '@weft/core';
import { applyUpdate, type DestinationUpdate, destinationService } from '@weft/wire';
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
  /** When the last stream of its Service got an address, by the machine's monotonic clock in nanoseconds; for addresses since the last answer. */
  readonly read: Readonly<Record<string, string>>;
}

interface Stream {
  readonly service: string;
  set: EndpointSet;
  isFirst: boolean;
  /** Bytes not decoded yet, each with the time of its arrival. */
  arrived: { readonly bytes: Buffer; readonly at: bigint }[];
}

const [port = 0, connections = 0, each = 0, services = 0, nodes = 0] = process.argv.slice(2).map(Number);
const method = destinationService.Get;
/** As a proxy's: windows that hold a whole update, and no pushes. */
const SETTINGS = { enablePush: false, initialWindowSize: 2 ** 20 };
const HEAD_BYTES = 5;
/** Under way at once. */
const LANES = 50;
const LOOK_MS = 20;

const streams: Stream[] = [];
let [ended, emptied, messages] = [0, 0, 0];
let read = new Map<string, bigint>();

function ask(session: ClientHttp2Session, service: string, contextToken: string): Promise<void> {
  const stream: Stream = { service, set: [], isFirst: true, arrived: [] };
  streams.push(stream);
  const headers = { ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc', te: 'trailers' };
  const request: ClientHttp2Stream = session.request(headers);
  const message = method.requestSerialize({ path: `${service}.mesh.svc.cluster.local:80`, contextToken });
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  request.end(Buffer.concat([head, message]));
  request.on('error', (error) => console.error(`a stream of ${service} failed: ${error.message}`));
  request.on('close', () => ended++);
  return new Promise((resolve) => {
    request.on('data', (bytes: Buffer) => {
      stream.arrived.push({ bytes, at: process.hrtime.bigint() });
      resolve();
    });
  });
}

async function open(): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < connections) {
      const connection = next++;
      const session = connect(`http://127.0.0.1:${port}`, { settings: SETTINGS });
      session.on('error', (error) => console.error(`a connection failed: ${error.message}`));
      session.once('connect', () => session.setLocalWindowSize(2 ** 24));
      const contextToken = JSON.stringify({ ns: 'mesh', nodeName: `node-${connection % nodes}`, pod: `client-${connection}` });
      const asked = Array.from({ length: each }, (_, n) => (n === 0 ? 0 : 1 + ((connection * (each - 1) + n) % (services - 1))));
      await Promise.all(asked.map((service) => ask(session, `s${service}`, contextToken)));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Takes up what a stream got. */
function decode(stream: Stream): void {
  let rest: Buffer = Buffer.alloc(0);
  for (const { bytes, at } of stream.arrived) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let end = endOf(rest); end <= rest.length; end = endOf(rest)) {
      take(stream, method.responseDeserialize(rest.subarray(HEAD_BYTES, end)), at);
      rest = rest.subarray(end);
    }
  }
  stream.arrived = rest.length === 0 ? [] : [{ bytes: rest, at: 0n }];
}

/** Of the first gRPC message; beyond the bytes where it is not whole. */
const endOf = (bytes: Buffer): number => (bytes.length < HEAD_BYTES ? Number.POSITIVE_INFINITY : HEAD_BYTES + bytes.readUInt32BE(1));

function take(stream: Stream, update: DestinationUpdate, at: bigint): void {
  messages++;
  const applied = applyUpdate(stream.set, update, stream.isFirst);
  if (applied.kind === 'ignored') return;
  stream.isFirst = false;
  const next = applied.kind === 'endpoints' ? applied.endpoints : [];
  if (next.length === 0 && stream.set.length > 0) emptied++;
  const known = new Set(stream.set.map(({ address }) => address.ip));
  for (const { address } of next) if (!known.has(address.ip) && at > (read.get(address.ip) ?? 0n)) read.set(address.ip, at);
  stream.set = next;
}

/** How many streams of these Services do not have these addresses when all have, or the time is over. */
async function until(addresses: Readonly<Record<string, readonly string[]>>, seconds: number): Promise<number> {
  const wanted = new Map(Object.entries(addresses).map(([service, list]) => [service, new Set(list)]));
  const isBehind = ({ service, set }: Stream): boolean => {
    const list = wanted.get(service);
    return list !== undefined && (set.length !== list.size || set.some(({ address }) => !list.has(address.ip)));
  };
  for (const end = performance.now() + seconds * 1000; ; ) {
    // Until something has come to all of them there is nothing to look at.
    const waiting = streams.filter((stream) => stream.arrived.length === 0 && isBehind(stream)).length;
    const isLate = performance.now() >= end;
    if (waiting === 0 || isLate) {
      for (const stream of streams) decode(stream);
      const behind = streams.filter(isBehind).length;
      if (behind === 0 || isLate) return behind;
    }
    await delay(LOOK_MS);
  }
}

await converse(async (command: StreamsCommand): Promise<StreamsAnswer> => {
  if (command.do === 'open') await open();
  const behind = command.do === 'await' ? await until(command.addresses, command.seconds) : 0;
  if (command.do === 'open') for (const stream of streams) decode(stream);
  const answer = { streams: streams.length, behind, ended, emptied, messages, read: Object.fromEntries([...read].map(([ip, at]) => [ip, String(at)])) };
  read = new Map();
  messages = 0;
  return answer;
});
