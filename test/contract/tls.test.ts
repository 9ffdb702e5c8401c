// The contract of @weft/tls, on real sockets: who gets in, who does not, and why. spec/proxy.md §3.1; docs/architecture.md, "Identity and TLS on Node".
// Leans on what Node does inside, so it also runs on every supported Node release.
import { once } from 'node:events';
import { type Credentials, constantWatch, createWatch, manualClock, type ServerIdentity } from '@weft/core';
import { detectClientHello, type TlsClient, type TlsServer, TRANSPORT_ALPN, tlsClient, tlsServer } from '@weft/tls';
import { describe, expect, test } from 'vitest';
import { selfSigned, type TestAuthority, testAuthority } from '../../packages/tls/test/certificates.ts';
import { attackClient, attackServer, readText, refusal, tcpPair } from './tls-harness.ts';

const WEB = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';
const VOTE = 'vote.emojivoto.serviceaccount.identity.linkerd.cluster.local';
const SPIFFE = 'spiffe://cluster.local/ns/emojivoto/sa/vote';
const dns = (value: string): { readonly type: 'dns'; readonly value: string } => ({ type: 'dns', value });
const named = (name: string): ServerIdentity => ({ id: { kind: 'dns', name }, serverName: name });

interface Mesh {
  readonly authority: TestAuthority;
  readonly web: Credentials;
  readonly vote: Credentials;
}

async function mesh(): Promise<Mesh> {
  const authority = await testAuthority();
  const [web, vote] = await Promise.all([authority.issue({ names: [dns(WEB)] }), authority.issue({ names: [dns(VOTE)] })]);
  return { authority, web, vote };
}

const serverOf = (credentials: Credentials, alpn?: string): TlsServer => tlsServer({ credentials: constantWatch(credentials), alpn });
const clientOf = (credentials: Credentials): TlsClient => tlsClient({ identity: { anchors: credentials.anchors, credentials: constantWatch(credentials) } });

describe('two meshed peers', () => {
  test('learn who the other one is and exchange bytes', async () => {
    const { web, vote } = await mesh();
    await using link = await tcpPair();
    const [connected, accepted] = await Promise.all([clientOf(web).connect(link.client, { identity: named(VOTE) }), serverOf(vote).accept(link.server)]);
    expect(accepted.clientId).toEqual({ kind: 'dns', name: WEB });
    expect([accepted.alpn, connected.alpn]).toEqual([undefined, undefined]);
    expect([accepted.socket.getProtocol(), accepted.socket.servername]).toEqual(['TLSv1.3', VOTE]);
    expect(connected.socket.getCipher().standardName).toBe('TLS_AES_128_GCM_SHA256');
    connected.socket.write('ping');
    expect(await readText(accepted.socket)).toBe('ping');
    accepted.socket.write('pong');
    expect(await readText(connected.socket)).toBe('pong');
  });

  test('verify against an anchor that is not self-signed', async () => {
    const intermediate = await (await testAuthority()).intermediate();
    const [web, vote] = await Promise.all([intermediate.issue({ names: [dns(WEB)] }), intermediate.issue({ names: [dns(VOTE)] })]);
    await using link = await tcpPair();
    const [, accepted] = await Promise.all([clientOf(web).connect(link.client, { identity: named(VOTE) }), serverOf(vote).accept(link.server)]);
    expect(accepted.clientId).toEqual({ kind: 'dns', name: WEB });
  });

  test('verify through intermediates that the peer sends', async () => {
    const root = await testAuthority();
    const below = await root.intermediate();
    const [web, vote] = await Promise.all([below.issue({ names: [dns(WEB)] }, [root.anchor]), below.issue({ names: [dns(VOTE)] }, [root.anchor])]);
    await using link = await tcpPair();
    const [, accepted] = await Promise.all([clientOf(web).connect(link.client, { identity: named(VOTE) }), serverOf(vote).accept(link.server)]);
    expect(accepted.clientId).toEqual({ kind: 'dns', name: WEB });
  });

  test('agree on the transport protocol only where both configure it', async () => {
    const { web, vote } = await mesh();
    const negotiate = async (serverAlpn: string | undefined, clientAlpn: boolean): Promise<(string | undefined)[]> => {
      await using link = await tcpPair();
      const [connected, accepted] = await Promise.all([
        clientOf(web).connect(link.client, { identity: named(VOTE), alpn: clientAlpn }),
        serverOf(vote, serverAlpn).accept(link.server),
      ]);
      return [connected.alpn, accepted.alpn];
    };
    expect(await negotiate(TRANSPORT_ALPN, true)).toEqual([TRANSPORT_ALPN, TRANSPORT_ALPN]);
    expect(await negotiate(undefined, true)).toEqual([undefined, undefined]);
    expect(await negotiate(TRANSPORT_ALPN, false)).toEqual([undefined, undefined]);
  });

  test('meet by a SPIFFE identity with a server name of its own', async () => {
    const { authority, web } = await mesh();
    const vote = await authority.issue({ names: [{ type: 'url', value: SPIFFE }] });
    await using link = await tcpPair();
    const [, accepted] = await Promise.all([
      clientOf(vote).connect(link.client, { identity: { id: { kind: 'dns', name: WEB }, serverName: 'other.name' } }),
      serverOf(web).accept(link.server),
    ]);
    expect(accepted.clientId).toEqual({ kind: 'uri', uri: SPIFFE });
    expect(accepted.socket.servername).toBe('other.name');
    await using back = await tcpPair();
    const identity: ServerIdentity = { id: { kind: 'uri', uri: SPIFFE }, serverName: 'vote' };
    await Promise.all([clientOf(web).connect(back.client, { identity }), serverOf(vote).accept(back.server)]);
  });

  test('close one direction and go on with the other', async () => {
    const { web, vote } = await mesh();
    await using link = await tcpPair();
    const [connected, accepted] = await Promise.all([clientOf(web).connect(link.client, { identity: named(VOTE) }), serverOf(vote).accept(link.server)]);
    connected.socket.end('last words');
    let heard = '';
    accepted.socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    await once(accepted.socket, 'end');
    expect(heard).toBe('last words');
    accepted.socket.write('still here');
    expect(await readText(connected.socket)).toBe('still here');
    accepted.socket.end();
    connected.socket.resume();
    await once(connected.socket, 'end');
  });

  test('close one direction before anything was said', async () => {
    const { web, vote } = await mesh();
    await using link = await tcpPair();
    const accepting = serverOf(vote).accept(link.server);
    const { socket } = await clientOf(web).connect(link.client, { identity: named(VOTE) });
    socket.end();
    const accepted = await accepting;
    accepted.socket.resume();
    await once(accepted.socket, 'end');
    accepted.socket.end('an answer all the same');
    expect(await readText(socket)).toBe('an answer all the same');
  });

  test('handshake over bytes that were peeked at and put back', async () => {
    const { web, vote } = await mesh();
    await using link = await tcpPair();
    const connecting = clientOf(web).connect(link.client, { identity: named(VOTE), alpn: true });
    await once(link.server, 'readable');
    const peeked: unknown = link.server.read();
    if (!(peeked instanceof Buffer)) throw new Error('nothing to peek at');
    expect(detectClientHello(peeked)).toEqual({ sni: VOTE, alpn: [TRANSPORT_ALPN] });
    link.server.unshift(peeked);
    const accepting = serverOf(vote).accept(link.server);
    const [connected, accepted] = await Promise.all([connecting, accepting]);
    connected.socket.write('ping');
    expect(await readText(accepted.socket)).toBe('ping');
  });
});

describe('a server', () => {
  /** Lets a hostile client at a server; answers why it was refused, after asserting that it got nothing. */
  async function attacked(server: TlsServer, credentials: Credentials | undefined, options: Parameters<typeof attackServer>[2] = {}): Promise<string> {
    await using link = await tcpPair();
    const why = refusal(server.accept(link.server));
    const attacker = attackServer(link.client, credentials, options);
    expect(await attacker.received).toBe('');
    expect(link.server.destroyed).toBe(true);
    return why;
  }

  test('refuses a self-signed impostor', async () => {
    const { vote } = await mesh();
    expect(await attacked(serverOf(vote), await selfSigned({ names: [dns(WEB)] }, vote.anchors))).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses a certificate of another authority', async () => {
    const [{ vote }, other] = await Promise.all([mesh(), mesh()]);
    expect(await attacked(serverOf(vote), other.web)).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses an authority of equal name but another key', async () => {
    const [{ vote }, other] = await Promise.all([mesh(), testAuthority()]);
    const foreign = await (await other.intermediate()).issue({ names: [dns(WEB)] });
    expect(await attacked(serverOf(vote), foreign)).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses a workload that issues certificates itself', async () => {
    const { authority, vote } = await mesh();
    const rogue = await authority.rogue({ names: [dns(WEB)] });
    expect(await attacked(serverOf(vote), await rogue.issue({ names: [dns(VOTE)] }))).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses an expired certificate', async () => {
    const { authority, vote } = await mesh();
    expect(await attacked(serverOf(vote), await authority.issue({ names: [dns(WEB)], notAfter: -60_000 }))).toBe('TLS_PEER_EXPIRED');
  });

  test('refuses a certificate of the future', async () => {
    const { authority, vote } = await mesh();
    expect(await attacked(serverOf(vote), await authority.issue({ names: [dns(WEB)], notBefore: 600_000 }))).toBe('TLS_PEER_UNTRUSTED');
  });

  test('admits a client without certificate, as nobody', async () => {
    const { vote } = await mesh();
    await using link = await tcpPair();
    const attacker = attackServer(link.client, undefined);
    const accepted = await serverOf(vote).accept(link.server);
    expect(accepted.clientId).toBeUndefined();
    expect(await readText(accepted.socket)).toBe('attack');
    accepted.socket.destroy();
    await attacker.received;
  });

  test('takes no identity from a certificate whose names are none', async () => {
    const { authority, vote } = await mesh();
    for (const names of [[], [{ type: 'email' as const, value: 'web@example.com' }], [dns(`x, DNS:${WEB}`)], [dns('*.emojivoto')], [dns(`${WEB}.`)]]) {
      await using link = await tcpPair();
      attackServer(link.client, await authority.issue({ names }));
      expect((await serverOf(vote).accept(link.server)).clientId).toBeUndefined();
    }
  });

  test('takes the first name that is an identity', async () => {
    const { authority, vote } = await mesh();
    await using link = await tcpPair();
    attackServer(link.client, await authority.issue({ names: [{ type: 'url', value: 'https://example.com/' }, dns(WEB.toUpperCase()), dns(VOTE)] }));
    expect((await serverOf(vote).accept(link.server)).clientId).toEqual({ kind: 'dns', name: WEB });
  });

  test('does not let a client come back on a ticket, with or without its certificate', async () => {
    const { web, vote } = await mesh();
    const server = serverOf(vote);
    const visit = async (
      credentials: Credentials | undefined,
      session: Buffer | undefined,
    ): Promise<{ who: unknown; reused: boolean; session: Buffer | undefined }> => {
      await using link = await tcpPair();
      const attacker = attackServer(link.client, credentials, session ? { session } : {});
      let ticket: Buffer | undefined;
      let reused = true;
      attacker.socket.on('session', (value: Buffer) => (ticket = value));
      attacker.socket.on('secureConnect', () => (reused = attacker.socket.isSessionReused()));
      const accepted = await server.accept(link.server);
      await readText(accepted.socket);
      accepted.socket.end('bye');
      await attacker.received;
      return { who: accepted.clientId, reused, session: ticket ?? attacker.socket.getSession() };
    };
    const first = await visit(web, undefined);
    expect(first.who).toEqual({ kind: 'dns', name: WEB });
    expect(first.session).toBeDefined();
    expect(await visit(undefined, first.session)).toMatchObject({ who: undefined, reused: false });
    expect(await visit(web, first.session)).toMatchObject({ who: { kind: 'dns', name: WEB }, reused: false });
  });

  test('for direct connections refuses a client that offers only another protocol', async () => {
    const { web, vote } = await mesh();
    expect(await attacked(serverOf(vote, TRANSPORT_ALPN), web, { ALPNProtocols: ['h2', 'http/1.1'] })).toBe('TLS_HANDSHAKE_FAILED');
  });

  test('elsewhere ignores what protocols a client offers', async () => {
    const { web, vote } = await mesh();
    await using link = await tcpPair();
    attackServer(link.client, web, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(await serverOf(vote).accept(link.server)).toMatchObject({ alpn: undefined, clientId: { name: WEB } });
  });

  test('refuses TLS 1.2', async () => {
    const { web, vote } = await mesh();
    expect(await attacked(serverOf(vote), web, { maxVersion: 'TLSv1.2' })).toBe('TLS_HANDSHAKE_FAILED');
  });

  test('refuses bytes that are not TLS', async () => {
    const { vote } = await mesh();
    await using link = await tcpPair();
    link.client.write('GET / HTTP/1.1\r\n\r\n');
    expect(await refusal(serverOf(vote).accept(link.server))).toBe('TLS_HANDSHAKE_FAILED');
    expect(link.server.destroyed).toBe(true);
  });

  test('gives up on a peer that is cut off in mid-handshake', async () => {
    const { vote, web } = await mesh();
    for (const end of ['end', 'destroy'] as const) {
      await using hello = await tcpPair();
      const abandoned = refusal(clientOf(web).connect(hello.client, { identity: named(VOTE) }));
      await once(hello.server, 'readable');
      const bytes: unknown = hello.server.read();
      await using link = await tcpPair();
      const why = refusal(serverOf(vote).accept(link.server));
      link.client.write((bytes as Buffer).subarray(0, 100));
      link.client[end]();
      expect(await why).toBe('TLS_HANDSHAKE_FAILED');
      expect(link.server.destroyed).toBe(true);
      hello.server.destroy();
      expect(await abandoned).toBe('TLS_HANDSHAKE_FAILED');
    }
  });

  test('gives up on a peer that stalls, on its own clock', async () => {
    const { vote } = await mesh();
    const clock = manualClock();
    await using link = await tcpPair();
    const why = refusal(tlsServer({ credentials: constantWatch(vote), clock, handshakeTimeoutMs: 5_000 }).accept(link.server));
    clock.advance(4_999);
    expect(link.server.destroyed).toBe(false);
    clock.advance(1);
    expect(await why).toBe('TLS_HANDSHAKE_TIMEOUT');
    expect([link.server.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('refuses everybody before it has a certificate', async () => {
    const credentials = createWatch<Credentials>();
    await using link = await tcpPair();
    expect(await refusal(tlsServer({ credentials: credentials.watch }).accept(link.server))).toBe('IDENTITY_NOT_READY');
    expect(link.server.destroyed).toBe(true);
  });

  test('shows new credentials to new connections and leaves open ones alone', async () => {
    const { authority, web, vote } = await mesh();
    const renewed = await authority.issue({ names: [dns(VOTE)] });
    const credentials = createWatch<Credentials>();
    credentials.set(vote);
    const server = tlsServer({ credentials: credentials.watch });
    const client = clientOf(web);
    const meet = async (link: Awaited<ReturnType<typeof tcpPair>>) =>
      Promise.all([client.connect(link.client, { identity: named(VOTE) }), server.accept(link.server)]);
    await using before = await tcpPair();
    const [oldClient, oldServer] = await meet(before);
    credentials.set(renewed);
    credentials.set({ ...renewed, key: new Uint8Array([1, 2, 3]) });
    await using after = await tcpPair();
    const [newClient] = await meet(after);
    expect(oldClient.socket.getPeerX509Certificate()?.raw.equals(vote.chain[0] ?? new Uint8Array())).toBe(true);
    expect(newClient.socket.getPeerX509Certificate()?.raw.equals(renewed.chain[0] ?? new Uint8Array())).toBe(true);
    oldServer.socket.write('still here');
    expect(await readText(oldClient.socket)).toBe('still here');
  });

  test('keeps apart many handshakes at once', async () => {
    const { authority, vote } = await mesh();
    const server = serverOf(vote);
    const anybody = await testAuthority();
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        await using link = await tcpPair();
        const name = `w${i}.ns.serviceaccount.identity.linkerd.cluster.local`;
        const credentials = await (i % 3 === 0 ? anybody : authority).issue({ names: [dns(name)] });
        attackServer(link.client, credentials);
        const accepting = server.accept(link.server);
        const outcome = i % 3 === 0 ? refusal(accepting) : accepting.then(({ clientId }) => clientId);
        expect(await outcome).toEqual(i % 3 === 0 ? 'TLS_PEER_UNTRUSTED' : { kind: 'dns', name });
      }),
    );
  });
});

describe('a client', () => {
  /** Lets a client connect to a hostile server; answers why it went away, after asserting that it told nothing. */
  async function lured(client: TlsClient, impostor: Credentials, options: Parameters<typeof attackClient>[2] = {}): Promise<string> {
    await using link = await tcpPair();
    const heard = attackClient(link.server, impostor, options);
    const why = await refusal(client.connect(link.client, { identity: named(VOTE) }));
    expect(link.client.destroyed).toBe(true);
    expect(await heard).toBe('');
    return why;
  }

  test('refuses a self-signed impostor of the right name', async () => {
    const { web } = await mesh();
    expect(await lured(clientOf(web), await selfSigned({ names: [dns(VOTE)] }, web.anchors))).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses a server of another authority', async () => {
    const [{ web }, other] = await Promise.all([mesh(), mesh()]);
    expect(await lured(clientOf(web), other.vote)).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses another workload of the same mesh', async () => {
    const { authority, web } = await mesh();
    expect(await lured(clientOf(web), web)).toBe('TLS_PEER_NAME_MISMATCH');
    for (const name of [dns(`x, DNS:${VOTE}`), dns('*.emojivoto.serviceaccount.identity.linkerd.cluster.local'), { type: 'url' as const, value: VOTE }]) {
      expect(await lured(clientOf(web), await authority.issue({ names: [name] }))).toBe('TLS_PEER_NAME_MISMATCH');
    }
  });

  test('refuses a server certified by another workload', async () => {
    const { authority, web } = await mesh();
    const rogue = await authority.rogue({ names: [dns(WEB)] });
    expect(await lured(clientOf(web), await rogue.issue({ names: [dns(VOTE)] }))).toBe('TLS_PEER_UNTRUSTED');
  });

  test('refuses an expired server', async () => {
    const { authority, web } = await mesh();
    expect(await lured(clientOf(web), await authority.issue({ names: [dns(VOTE)], notAfter: -60_000 }))).toBe('TLS_PEER_EXPIRED');
  });

  test('refuses TLS 1.2', async () => {
    const { web, vote } = await mesh();
    expect(await lured(clientOf(web), vote, { maxVersion: 'TLSv1.2' })).toBe('TLS_HANDSHAKE_FAILED');
  });

  test('never resumes a session, even where the server offers tickets', async () => {
    const { web, vote } = await mesh();
    const client = clientOf(web);
    for (let visit = 0; visit < 2; visit++) {
      await using link = await tcpPair();
      void attackClient(link.server, vote);
      const { socket } = await client.connect(link.client, { identity: named(VOTE) });
      expect(await readText(socket)).toBe('attack');
      expect(socket.isSessionReused()).toBe(false);
    }
  });

  test('refuses a server that does not speak TLS, closes, or stalls', async () => {
    const { web } = await mesh();
    await using garbage = await tcpPair();
    garbage.server.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await refusal(clientOf(web).connect(garbage.client, { identity: named(VOTE) }))).toBe('TLS_HANDSHAKE_FAILED');
    await using closed = await tcpPair();
    closed.server.destroy();
    expect(await refusal(clientOf(web).connect(closed.client, { identity: named(VOTE) }))).toBe('TLS_HANDSHAKE_FAILED');
    const clock = manualClock();
    await using stalled = await tcpPair();
    const client = tlsClient({ identity: { anchors: web.anchors, credentials: constantWatch(web) }, clock });
    const why = refusal(client.connect(stalled.client, { identity: named(VOTE), timeoutMs: 1_000 }));
    clock.advance(1_000);
    expect(await why).toBe('TLS_HANDSHAKE_TIMEOUT');
    expect([stalled.client.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('reads what a server has sent in time, though the time is over when it comes to that', async () => {
    const { web, vote } = await mesh();
    const clock = manualClock();
    await using link = await tcpPair();
    void attackClient(link.server, vote);
    const client = tlsClient({ identity: { anchors: web.anchors, credentials: constantWatch(web) }, clock });
    const connected = client.connect(link.client, { identity: named(VOTE), timeoutMs: 1_000 });
    // In the turn in which the server reads the hello it answers; the client can read that in the next.
    while (link.server.bytesRead === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1_000);
    expect(await readText((await connected).socket)).toBe('attack');
  });

  test('verifies the server before it has a certificate itself, and shows its own as soon as it has', async () => {
    const { web, vote } = await mesh();
    const credentials = createWatch<Credentials>();
    const client = tlsClient({ identity: { anchors: web.anchors, credentials: credentials.watch } });
    const stranger = await selfSigned({ names: [dns(VOTE)] }, web.anchors);
    expect(await lured(client, stranger)).toBe('TLS_PEER_UNTRUSTED');
    const server = serverOf(vote);
    for (const expected of [undefined, { kind: 'dns', name: WEB }]) {
      await using link = await tcpPair();
      const [, accepted] = await Promise.all([client.connect(link.client, { identity: named(VOTE) }), server.accept(link.server)]);
      expect(accepted.clientId).toEqual(expected);
      credentials.set(web);
    }
  });

  test('connects to nobody without trust anchors', async () => {
    const { vote } = await mesh();
    await using link = await tcpPair();
    const client = tlsClient({ identity: { anchors: [], credentials: createWatch<Credentials>().watch } });
    void attackClient(link.server, vote);
    expect(await refusal(client.connect(link.client, { identity: named(VOTE) }))).toBe('TLS_HANDSHAKE_FAILED');
  });
});
