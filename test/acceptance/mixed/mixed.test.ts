// Our proxy and linkerd2-proxy (LINKERD2_PROXY_BIN) on the two sides of one connection, each way round. The cases of HTTP/1, tunnels and
// HTTP/2 run on these pairs too (../cases/ways.ts); here is what only two proxies can do. spec/proxy.md §2.5, §3, §4.1.
import { once } from 'node:events';
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { streams } from '../cases/http2-application.ts';
import { MIXED_PROGRAMS } from '../cases/ways.ts';
import { OK, wireApplication, wireTo } from '../cases/wire.ts';
import { grpcApplication, METHODS, NO_LIMITS, same } from '../interop/grpc-application.ts';
import { Marks } from '../interop/marks.ts';
import { payload, sha256 } from '../interop/payload.ts';
import { get, hostAndPort, http2Session, httpApplication, seen, serveOn, tcpApplication } from '../process/applications.ts';
import { firstBytes, tcpTo, untilClosed } from '../process/meshed-peer.ts';
import { NAME, type Pair, pair, SERVICE, scripted } from '../process/scenes.ts';
import { balanced, clientPolicy, firstOf, onlyFor, opaqueProtocol } from '../proxy/policies.ts';

const DIRECT = 4143;
const MIB = 1024 * 1024;
const SOON = { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '300ms' };
/** On a busy machine a handshake takes its time, and is not what a test is about. */
const PATIENT = {
  LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '30s',
  LINKERD2_PROXY_OUTBOUND_TCP_FAILFAST_TIMEOUT: '30s',
  LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: '30s',
  LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: '30s',
};
/** Two processes start; on a busy machine that takes a while. */
const LIMIT_MS = 60_000;

test('there is another proxy to mix with', ({ skip }) => {
  skip(MIXED_PROGRAMS.length === 0, 'LINKERD2_PROXY_BIN names no other proxy');
  expect(MIXED_PROGRAMS).toHaveLength(2);
});

describe.each(MIXED_PROGRAMS)('%s', { timeout: LIMIT_MS }, (_name, programs) => {
  type Control = Awaited<ReturnType<ReturnType<typeof scripted>['start']>>;
  const mixed = async (port: number, run: (both: Pair, control: Control) => Promise<void>, client: Readonly<Record<string, string>> = PATIENT) => {
    await using control = await scripted().start();
    await using both = await pair(control, port, client, PATIENT, programs);
    await run(both, control);
  };
  const meshed = async ({ client, server }: Pair, requests: number): Promise<void> => {
    expect(await client.metric('request_total', { direction: 'outbound', tls: 'true', server_id: server.identity })).toBe(requests);
    expect(await server.metric('request_total', { direction: 'inbound', tls: 'true', client_id: client.identity, target_port: '8080' })).toBe(requests);
  };

  test('HTTP/1 is upgraded, over mutual TLS, and each side knows the other', async () => {
    await using app = await httpApplication();
    await mixed(app.port, async (both) => {
      const answer = await get(both.client.outboundAddress(SERVICE), { method: 'POST', path: '/x', body: 'hello', headers: { 'l5d-client-id': 'forged' } });
      expect(answer).toMatchObject({ status: 200, version: '1.1' });
      expect(seen(answer)).toMatchObject({ version: '1.1', method: 'POST', path: '/x', body: 'hello', headers: { 'l5d-client-id': both.client.identity } });
      expect([seen(answer).headers['l5d-orig-proto'], answer.headers['l5d-orig-proto']]).toEqual([undefined, undefined]);
      await meshed(both, 1);
    });
  });

  test('many HTTP/1 requests share one connection between the proxies', async () => {
    await using app = await httpApplication();
    await mixed(app.port, async (both) => {
      const at = both.client.outboundAddress(SERVICE);
      await get(at);
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => get(at, { path: `/${n}` })));
      expect(answers.map((answer) => seen(answer).path)).toEqual(answers.map((_, n) => `/${n}`));
      await meshed(both, 51);
      expect(await both.server.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'true', client_id: both.client.identity })).toBe(1);
    });
  });

  test('HTTP/2 stays HTTP/2, with trailers', async () => {
    await using app = await streams((stream, headers) => {
      stream.respond({ ':status': 200, 'x-path': headers[':path'] }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'there' }));
      stream.pipe(stream);
    });
    await mixed(app.port, async (both) => {
      using session = http2Session(both.client.outboundAddress(SERVICE));
      const stream = session.request({ ':method': 'POST', ':path': '/two' });
      const trailers = once(stream, 'trailers') as Promise<[IncomingHttpHeaders]>;
      stream.end('body');
      const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      expect(head).toMatchObject({ ':status': 200 });
      expect([head['x-path'], (await buffer(stream)).toString(), (await trailers)[0]['x-end']]).toEqual(['/two', 'body', 'there']);
      await meshed(both, 1);
    });
  });

  test('the four kinds of gRPC call', async () => {
    await using app = await grpcApplication(new Marks())();
    await mixed(app.port, async (both) => {
      const client = new Client(both.client.outboundAddress(SERVICE), credentials.createInsecure(), NO_LIMITS);
      const big = payload(3 * MIB);
      const unary = await new Promise<Buffer>((resolve, reject) =>
        client.makeUnaryRequest(METHODS.unary.path, same, same, big, new Metadata(), (error, value) =>
          error ? reject(error) : resolve(value ?? Buffer.alloc(0)),
        ),
      );
      expect(sha256(unary)).toBe(sha256(big));
      const collected = await new Promise<Buffer>((resolve, reject) => {
        const call = client.makeClientStreamRequest(METHODS.collect.path, same, same, new Metadata(), (error, value?: Buffer) =>
          error ? reject(error) : resolve(value ?? Buffer.alloc(0)),
        );
        for (let n = 0; n < 100; n++) call.write(payload(1000 + n));
        call.end();
      });
      expect(sha256(collected)).toBe(sha256(Buffer.concat(Array.from({ length: 100 }, (_, n) => payload(1000 + n)))));
      const spread = client.makeServerStreamRequest(METHODS.spread.path, same, same, payload(1000));
      let parts = 0;
      for await (const part of spread) parts += sha256(part as Buffer) === sha256(payload(1000)) ? 1 : 0;
      expect(parts).toBe(100);
      const chat = client.makeBidiStreamRequest(METHODS.chat.path, same, same);
      for (let n = 1; n <= 10; n++) {
        chat.write(payload(n * 500));
        const [part] = (await once(chat, 'data')) as [Buffer];
        expect(sha256(part)).toBe(sha256(payload(n * 500)));
      }
      const over = once(chat, 'status') as Promise<[{ code: number }]>;
      chat.end();
      expect((await over)[0].code).toBe(status.OK);
      const failure = await new Promise<number | undefined>((resolve) =>
        client.makeUnaryRequest(METHODS.fail.path, same, same, Buffer.from('5'), new Metadata(), (error) => resolve(error?.code)),
      );
      expect(failure).toBe(status.NOT_FOUND);
      client.close();
      await meshed(both, 5);
      const ended = { direction: 'inbound', target_port: '8080', client_id: both.client.identity };
      expect(await both.server.metric('response_total', { ...ended, grpc_status: '5' })).toBe(1);
      expect(await both.server.metric('response_total', { ...ended, grpc_status: '0', classification: 'success' })).toBe(4);
    });
  });

  test('opaque bytes go to the direct port behind a transport header; a server that speaks first is heard', async () => {
    await using app = await tcpApplication((socket) => {
      socket.write('220 ready\r\n');
      socket.pipe(socket);
    });
    await mixed(app.port, async ({ client, server }, control) => {
      control.outboundOf(SERVICE).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(NAME))) }));
      control.endpointsOf(NAME).set([server.endpoint(8080, { hint: 'opaque', opaqueTransportPort: DIRECT })]);
      control.inboundOf(8080).set(onlyFor(client.identity));
      const socket = await tcpTo(client.outboundAddress(SERVICE));
      expect(await firstBytes(socket)).toBe('220 ready\r\n');
      socket.write('\x01 bytes');
      expect(await firstBytes(socket)).toBe('\x01 bytes');
      socket.destroy();
      const labels = { session_protocol: '', target_port: '8080', target_name: '', client_id: client.identity };
      expect(await server.metric('inbound_tcp_transport_header_connections_total', labels)).toBe(1);
    });
  });

  test('HTTP goes to the direct port with its version in the transport header', async () => {
    await using app = await httpApplication();
    await mixed(app.port, async ({ client, server }, control) => {
      control.endpointsOf(NAME).set([server.endpoint(8080, { hint: 'h2', opaqueTransportPort: DIRECT })]);
      expect(seen(await get(client.outboundAddress(SERVICE), { path: '/direct' }))).toMatchObject({ version: '1.1', path: '/direct' });
      const labels = { session_protocol: 'http/2', target_port: '8080', target_name: '', client_id: client.identity };
      expect(await server.metric('inbound_tcp_transport_header_connections_total', labels)).toBe(1);
    });
  });

  test('bytes that are not HTTP are relayed, and an end of one side leaves the other open', async () => {
    await using app = await tcpApplication((socket) => {
      let all = '';
      socket.on('data', (chunk: Buffer) => (all += chunk.toString('latin1')));
      socket.on('end', () => socket.end(`received ${all}`));
    });
    await mixed(app.port, async ({ client, server }) => {
      const socket = await tcpTo(client.outboundAddress(SERVICE));
      socket.end('\x01 not HTTP at all, but long enough');
      expect(await untilClosed(socket)).toBe('received \x01 not HTTP at all, but long enough');
      const labels = { direction: 'inbound', peer: 'src', tls: 'true', client_id: client.identity, target_port: '8080' };
      expect(await server.metric('tcp_open_total', labels)).toBe(1);
    });
  });

  test('a WebSocket is a tunnel through both', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
    const { createServer } = await import('node:http');
    const server = createServer();
    server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (one) => sockets.emit('connection', one, request)));
    await using app = await serveOn(server);
    await mixed(app.port, async (both) => {
      const socket = new WebSocket(`ws://${both.client.outboundAddress(SERVICE)}/chat`);
      await once(socket, 'open');
      for (const message of [payload(10), payload(100_000), payload(2 * MIB)]) {
        const back = once(socket, 'message') as Promise<[Buffer]>;
        socket.send(message);
        expect(sha256((await back)[0])).toBe(sha256(message));
      }
      const closed = once(socket, 'close') as Promise<[number]>;
      socket.close(4001, 'enough');
      expect((await closed)[0]).toBe(4001);
    });
  });

  test.each(['HTTP/1', 'HTTP/2'] as const)('large bodies arrive whole both ways over %s', async (version) => {
    const big = payload(16 * MIB);
    await using one = await httpApplication((message, response) => void message.pipe(response));
    await using two = await streams((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    await mixed(version === 'HTTP/1' ? one.port : two.port, async (both) => {
      const at = both.client.outboundAddress(SERVICE);
      expect(sha256(await (version === 'HTTP/1' ? echoed1(at, big) : echoed2(at, big)))).toBe(sha256(big));
    });
  });

  test('a reset of HTTP/2 keeps its code both ways', async () => {
    const code = constants.NGHTTP2_ENHANCE_YOUR_CALM;
    let cancelled: (code: number) => void = () => undefined;
    const atServer = new Promise<number>((resolve) => (cancelled = resolve));
    await using app = await streams((stream, headers) => {
      if (headers[':path'] === '/calm') return stream.close(code);
      stream.once('close', () => cancelled(stream.rstCode ?? 0));
      stream.respond({ ':status': 200 });
      stream.write('begun');
    });
    await mixed(app.port, async (both) => {
      using session = http2Session(both.client.outboundAddress(SERVICE));
      const request = (headers: OutgoingHttpHeaders) => session.request(headers).on('error', () => undefined);
      const calm = request({ ':path': '/calm' });
      await new Promise((resolve) => calm.once('close', resolve));
      expect(calm.rstCode).toBe(code);
      const stream = request({ ':path': '/wait' });
      await once(stream, 'data');
      stream.close(constants.NGHTTP2_CANCEL);
      expect(await atServer).toBe(constants.NGHTTP2_CANCEL);
      // The connection between the proxies serves on.
      const after = request({ ':path': '/again' });
      expect(String((await once(after, 'data'))[0])).toBe('begun');
      after.close(constants.NGHTTP2_CANCEL);
    });
  });

  test('an answer of HTTP/1 that breaks off ends in a broken answer, and the next request is served', async () => {
    await using app = await wireApplication(({ start }, wire) => {
      if (!start.includes('/break')) return OK;
      setImmediate(() => wire.socket.resetAndDestroy());
      return 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot all';
    });
    await mixed(app.port, async (both) => {
      const at = both.client.outboundAddress(SERVICE);
      using wire = wireTo(at);
      wire.write('GET /break HTTP/1.1\r\nhost: server\r\n\r\n');
      await expect(wire.message()).rejects.toThrow('the connection ended');
      using next = wireTo(at);
      next.write('GET /good HTTP/1.1\r\nhost: server\r\n\r\n');
      expect((await next.message()).body).toBe('ok');
    });
  });

  test('a client that goes away is noticed by the application', async () => {
    let gone: (what: string) => void = () => undefined;
    const noticed = new Promise<string>((resolve) => (gone = resolve));
    await using app = await httpApplication((_message, response) => {
      response.once('close', () => gone('noticed'));
      response.write('begun');
    });
    await mixed(app.port, async (both) => {
      const socket = connect(hostAndPort(both.client.outboundAddress(SERVICE)));
      socket.write('GET / HTTP/1.1\r\nhost: server\r\n\r\n');
      await once(socket, 'data');
      socket.destroy();
      expect(await noticed).toBe('noticed');
    });
  });

  test('who is not authorized gets 403, and who is gets through', async () => {
    await using app = await wireApplication(() => OK);
    await mixed(app.port, async (both, control) => {
      control.inboundOf(8080).set(onlyFor('somebody.else'));
      const ask = async () => {
        using wire = wireTo(both.client.outboundAddress(SERVICE));
        wire.write('GET / HTTP/1.1\r\nhost: server\r\n\r\n');
        return (await wire.message()).start.slice(9, 12);
      };
      await expect.poll(ask, { timeout: 5_000, interval: 20 }).toBe('403');
      expect(await both.server.metric('inbound_http_authz_deny_total', { client_id: both.client.identity, target_port: '8080' })).toBeGreaterThan(0);
      control.inboundOf(8080).set(onlyFor(both.client.identity));
      await expect.poll(ask, { timeout: 5_000, interval: 20 }).toBe('200');
    });
  });

  test('an endpoint with another identity than discovery said gets no request', async () => {
    await using app = await wireApplication(() => OK);
    await mixed(
      app.port,
      async ({ client, server }, control) => {
        const name = 'other.ns.serviceaccount.identity.linkerd.cluster.local';
        control.endpointsOf(NAME).set([server.endpoint(8080, { identity: { id: { kind: 'dns', name }, serverName: server.identity } })]);
        expect([502, 503, 504]).toContain((await get(client.outboundAddress(SERVICE))).status);
        expect(app.requests).toEqual([]);
      },
      SOON,
    );
  });
});

async function echoed1(at: string, body: Buffer): Promise<Buffer> {
  const { request } = await import('node:http');
  const sent = request({ ...hostAndPort(at), method: 'POST', agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream];
  return buffer(response);
}

async function echoed2(at: string, body: Buffer): Promise<Buffer> {
  using session = http2Session(at);
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  Readable.from(pieces(body)).pipe(stream);
  return await buffer(stream);
}

/** Node's client buffers no more than 10 MB. */
function* pieces(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536);
}
