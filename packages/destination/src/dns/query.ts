// One DNS question to one server: UDP, and TCP when the answer was cut. RFC 1035 §4.2, RFC 7766.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Clock, SocketAddress } from '@weft/core';
import { encode, type Packet, type StringRecordType } from 'dns-packet';
import { type Question, type QuestionType, type Reply, readReply } from './reply.ts';

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
  const { server, name, type } = options;
  const question: Question = { id: randomInt(0x10000), name, type };
  const packet: Packet = { type: 'query', id: question.id, flags: RECURSION_DESIRED, questions: [{ type: type as StringRecordType, name }] };
  const first = await exchange(options, encode(packet), udp, question);
  const reply = first.truncated ? await exchange(options, encode(packet), tcp, question) : first;
  if (reply.failure !== undefined) throw new Error(`DNS server ${server.ip} answered ${reply.failure} for ${type} ${name}`);
  return reply;
}

type Transport = (server: SocketAddress, message: Uint8Array, onMessage: (bytes: Buffer) => void, onError: (error: Error) => void) => () => void;

function exchange(options: QueryOptions, message: Uint8Array, transport: Transport, question: Question): Promise<Reply> {
  const { server, timeoutMs, clock, signal } = options;
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
      const reply = readReply(bytes, question);
      if (reply) finish(() => resolve(reply));
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
