// The DNS server of the node, on sockets that somebody else has opened. RFC 1035, §4.2.1 (UDP) and §4.2.2 (TCP).
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { Logger } from '@weft/core';
import { decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet';
import { resolve, type ZoneOptions } from './dns-zone.ts';

const AUTHORITATIVE = 1 << 10;
const TRUNCATED = 1 << 9;
const RECURSION_AVAILABLE = 1 << 7;
const RECURSION_DESIRED = 1 << 8;
const NOT_IMPLEMENTED = 4;
const NAME_ERROR = 3;
const UDP_LIMIT = 512;
/** RFC 7766: idle connections may be closed; seconds are enough for a resolver. */
const IDLE_MS = 10_000;

export interface DnsServerOptions {
  readonly zone: ZoneOptions;
  readonly logger: Logger;
}

export function serveDatagrams(socket: DatagramSocket, options: DnsServerOptions): void {
  socket.on('message', (message, peer) => {
    const query = parse(() => decode(message));
    if (!query) return;
    const answer = answerTo(query, options.zone);
    let bytes = encode(answer);
    if (bytes.length > limitOf(query)) bytes = encode({ ...answer, flags: (answer.flags ?? 0) | TRUNCATED, answers: [], additionals: [] });
    socket.send(bytes, peer.port, peer.address, (error) => {
      if (error) options.logger.log('debug', 'a DNS answer could not be sent', { error });
    });
  });
  socket.on('error', (error) => options.logger.log('warn', 'the DNS socket failed', { error }));
}

export function serveStreams(server: Server, options: DnsServerOptions): void {
  server.on('connection', (socket: Socket) => {
    let pending = Buffer.alloc(0);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= pending.readUInt16BE(0) + 2) {
        const end = pending.readUInt16BE(0) + 2;
        const message = pending.subarray(0, end);
        pending = pending.subarray(end);
        const query = parse(() => streamDecode(message));
        if (!query) return void socket.destroy();
        socket.write(streamEncode(answerTo(query, options.zone)));
      }
    });
  });
}

function answerTo(query: Packet, zone: ZoneOptions): Packet {
  const flags = AUTHORITATIVE | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED);
  const base: Packet = { type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [] };
  const question = query.questions?.[0];
  if (!question || (((query.flags ?? 0) >> 11) & 0xf) !== 0) return { ...base, flags: flags | NOT_IMPLEMENTED };
  const answer = resolve(zone, question);
  if (answer.kind === 'missing') return { ...base, flags: flags | NAME_ERROR };
  return { ...base, answers: [...answer.answers], additionals: [...answer.additionals] };
}

/** A malformed message is nobody's query. */
function parse(read: () => Packet | null): Packet | undefined {
  try {
    const packet = read();
    return packet?.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 6891: what the client says it can take. */
function limitOf(query: Packet): number {
  const option = query.additionals?.find((record) => record.type === 'OPT');
  return option && 'udpPayloadSize' in option ? Math.max(UDP_LIMIT, Math.min(Number(option.udpPayloadSize), 4096)) : UDP_LIMIT;
}
