// A DNS server over UDP and TCP on loopback, which misbehaves as told.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Answer, decode, encode, type Packet } from 'dns-packet';

const SERVFAIL = 2;
const NXDOMAIN = 3;
const TRUNCATED = 1 << 9;

export interface DnsServer {
  readonly port: number;
  /** `udp A web.ns`, in the order of arrival. */
  readonly asked: string[];
  /** What is known. A name without any record does not exist. */
  records: Answer[];
  /** Aliases are not followed: each has to be asked for. */
  lazy: boolean;
  /** Sent beside answers that are empty. */
  negativeTtlSeconds: number | undefined;
  /** Over UDP only the header fits. */
  truncate: boolean;
  /** So many of the next UDP questions are lost. */
  lose: number;
  /** Questions of these types fail. */
  failing: readonly string[];
  /** Sent over UDP before each answer. */
  before: (question: Buffer) => readonly (Buffer | string)[];
  close(): Promise<void>;
}

export async function startDnsServer({ ip = '127.0.0.1', port = 0 }: { readonly ip?: string; readonly port?: number } = {}): Promise<DnsServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.once('data', (data: Buffer) => {
      const message = answer(data.subarray(2), 'tcp');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      // In two pieces, to be put together again.
      socket.write(Buffer.concat([length, message.subarray(0, 5)]));
      setImmediate(() => socket.end(message.subarray(5)));
    });
  });
  // TCP first: of its ports many more are taken.
  tcp.listen(port, ip);
  await once(tcp, 'listening');
  const bound = (tcp.address() as AddressInfo).port;
  const udp = createSocket('udp4');
  udp.bind(bound, ip);
  await once(udp, 'listening');

  const answer = (message: Buffer, over: 'udp' | 'tcp'): Buffer => {
    const { id, questions = [] } = decode(message);
    const { type, name } = questions[0] ?? { type: 'A', name: '' };
    server.asked.push(`${over} ${type} ${name}`);
    const chain: Answer[] = [];
    let owner = name;
    for (let alias = aliasOf(owner); alias && !(server.lazy && chain.length > 0) && chain.length < 20; alias = aliasOf(owner)) {
      chain.push(alias);
      owner = String((alias as { data: unknown }).data);
    }
    const found = [...chain, ...(server.lazy && chain.length > 0 ? [] : server.records.filter((record) => record.type === type && record.name === owner))];
    const known = server.records.some((record) => record.name === name);
    const cut = over === 'udp' && server.truncate;
    const rcode = server.failing.includes(type) ? SERVFAIL : known ? 0 : NXDOMAIN;
    const minimum = server.negativeTtlSeconds;
    const packet: Packet = {
      type: 'response',
      id,
      questions,
      answers: cut || rcode === SERVFAIL ? [] : found,
      flags: rcode | (cut ? TRUNCATED : 0),
      ...(minimum !== undefined &&
        found.length === 0 && { authorities: [{ type: 'SOA' as const, name: 'cluster.local', ttl: 3_600, data: { mname: 'ns', rname: 'root', minimum } }] }),
    };
    return encode(packet);
  };
  const aliasOf = (name: string): Answer | undefined => server.records.find((record) => record.type === 'CNAME' && record.name === name);

  udp.on('message', (message, from) => {
    if (server.lose > 0) {
      server.lose--;
      server.asked.push('lost');
      return;
    }
    for (const early of server.before(message)) udp.send(early, from.port, from.address);
    udp.send(answer(message, 'udp'), from.port, from.address);
  });

  const server: DnsServer = {
    port: bound,
    asked: [],
    records: [],
    lazy: false,
    negativeTtlSeconds: undefined,
    truncate: false,
    lose: 0,
    failing: [],
    before: () => [],
    async close() {
      const closed = [once(udp, 'close'), once(tcp, 'close')];
      udp.close();
      tcp.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
  return server;
}
