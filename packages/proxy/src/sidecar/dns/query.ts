// One DNS question to one server: UDP, and TCP when the answer was cut. RFC 1035 §4.2, RFC 7766.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Clock, SocketAddress } from '@weft/core';
import { type Answer, type DecodedPacket, decode, encode, type Packet, type StringRecordType } from 'dns-packet';
import { sameName } from './records.ts';

export type QuestionType = 'A' | 'AAAA' | 'SRV';

export interface Reply {
  /** RCODE 3: the name does not exist. */
  readonly exists: boolean;
  readonly answers: readonly Answer[];
  /** How long the absence of answers may be remembered: the SOA's minimum. */
  readonly negativeTtlSeconds?: number | undefined;
}

export interface QueryOptions {
  readonly server: SocketAddress;
  readonly name: string;
  readonly type: QuestionType;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** DNS flag bits: recursion desired. */
const RECURSION_DESIRED = 1 << 8;

/** Rejects where the server does not answer in time, or answers with a failure. */
export async function query(options: QueryOptions): Promise<Reply> {
  const id = randomInt(0x10000);
  const packet: Packet = { type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type: options.type as StringRecordType, name: options.name }] };
  const reply = await exchange(options, encode(packet), udp, id);
  return replyOf(reply.flag_tc ? await exchange(options, encode(packet), tcp, id) : reply, options);
}

type Transport = (server: SocketAddress, message: Uint8Array, onMessage: (bytes: Buffer) => void, onError: (error: Error) => void) => () => void;

function exchange(options: QueryOptions, message: Uint8Array, transport: Transport, id: number): Promise<DecodedPacket> {
  const { server, name, type, timeoutMs, clock, signal } = options;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => finish(() => reject(error));
    const onAbort = (): void => fail(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    const timer = clock.after(timeoutMs, () => fail(new Error(`DNS server ${server.ip} did not answer within ${timeoutMs} ms`)));
    const finish = (settle: () => void): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      close();
      settle();
    };
    const onMessage = (bytes: Buffer): void => {
      let packet: DecodedPacket;
      try {
        packet = decode(bytes);
      } catch {
        return; // Not an answer to anything: keep waiting for ours.
      }
      const [question] = packet.questions ?? [];
      if (packet.type === 'response' && packet.id === id && question?.type === type && sameName(question.name, name)) finish(() => resolve(packet));
    };
    const close = transport(server, message, onMessage, fail);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const udp: Transport = (server, message, onMessage, onError) => {
  const socket = createSocket(server.ip.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', onError);
  socket.on('message', onMessage);
  // A connected socket takes datagrams of its peer only.
  socket.connect(server.port, server.ip, () => socket.send(message));
  let open = true;
  return () => {
    if (open) socket.close();
    open = false;
  };
};

const tcp: Transport = (server, message, onMessage, onError) => {
  const socket = connect({ host: server.ip, port: server.port });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      onMessage(received.subarray(2, end));
      received = received.subarray(end);
    }
  });
  socket.on('error', onError);
  socket.on('end', () => onError(new Error(`DNS server ${server.ip} closed the connection`)));
  return () => void socket.destroy();
};

function replyOf(packet: DecodedPacket, { server, name, type }: QueryOptions): Reply {
  const { rcode } = packet as DecodedPacket & { readonly rcode?: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') throw new Error(`DNS server ${server.ip} answered ${String(rcode)} for ${type} ${name}`);
  const soa = packet.authorities?.find((record) => record.type === 'SOA');
  const minimum = soa?.type === 'SOA' ? Math.min(soa.data.minimum ?? Number.POSITIVE_INFINITY, soa.ttl ?? Number.POSITIVE_INFINITY) : undefined;
  return { exists: rcode === 'NOERROR', answers: packet.answers ?? [], negativeTtlSeconds: Number.isFinite(minimum) ? minimum : undefined };
}
