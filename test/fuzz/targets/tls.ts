// The first bytes of connections and the names in certificates: nothing throws, verdicts do not change as more bytes arrive.
import { certificatesFromPem, certificatesToPem, chainProblem } from '@weft/identity/authority';
import { carriesIdentity, decodeTransportHeader, detectClientHello, encodeTransportHeader, peerIdentity, TRANSPORT_ALPN } from '@weft/tls';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, raw, texts } from '../target.ts';

const MORE = Buffer.from('\x16\x03\x01 and what follows');

/** A final verdict on a prefix is the verdict on the whole; what was final stays so. */
function stable(input: Buffer, verdict: (bytes: Buffer) => unknown, open: unknown): void {
  const whole = verdict(input);
  if (!sameData(whole, open)) hold(sameData(verdict(Buffer.concat([input, MORE])), whole), 'the verdict changes with what follows');
  for (const length of [Math.floor(input.length / 2), input.length - 1]) {
    if (length < 0) continue;
    const early = verdict(input.subarray(0, length));
    hold(sameData(early, open) || sameData(early, whole), `the verdict on ${length} bytes differs`);
  }
}

function hello(sni: string, alpn: readonly string[]): Buffer {
  const with16 = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  const extension = (type: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([type >> 8, type & 255]), with16(content)]);
  const names = alpn.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]));
  const extensions = Buffer.concat([
    extension(0, with16(Buffer.concat([Buffer.from([0]), with16(Buffer.from(sni))]))),
    ...(alpn.length > 0 ? [extension(16, with16(Buffer.concat(names)))] : []),
    extension(43, Buffer.from([2, 3, 4])),
  ]);
  const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32, 7), Buffer.from([0, 0, 2, 0x13, 1, 1, 0]), with16(extensions)]);
  return Buffer.concat([Buffer.from([22, 3, 1]), with16(Buffer.concat([Buffer.from([1, 0]), with16(body)]))]);
}

const clientHello: FuzzTarget = {
  name: 'client-hello',
  tokens: raw('\x16\x03\x01', '\0\0', '\0\x10', TRANSPORT_ALPN, 'h2', 'web.ns'),
  seeds: () => [hello('web.ns.serviceaccount.identity.linkerd.cluster.local', [TRANSPORT_ALPN]), hello('a', []), hello('a.b', ['h2', 'http/1.1'])],
  run(input) {
    stable(input, detectClientHello, 'incomplete');
    const verdict = detectClientHello(input);
    return typeof verdict === 'string' ? verdict : `hello ${Math.min(verdict.alpn.length, 3)} ${verdict.sni.includes('.')}`;
  },
};

const transportHeader: FuzzTarget = {
  name: 'transport-header',
  tokens: [`${TRANSPORT_ALPN}\r\n\r\n`, '\0\0\0', '\x08', '\x12', '\x1a', '\x0a\0', 'web.ns'],
  seeds: () => [
    Buffer.from(encodeTransportHeader({ port: 8080 })),
    Buffer.from(encodeTransportHeader({ port: 4143, name: 'web.emojivoto.svc.cluster.local', sessionProtocol: 'http2' })),
    Buffer.from(encodeTransportHeader({ port: 1, sessionProtocol: 'http1' })),
  ],
  run(input) {
    stable(input, decodeTransportHeader, { kind: 'incomplete' });
    const result = decodeTransportHeader(input);
    if (result.kind === 'incomplete') return result.kind;
    if (result.kind === 'invalid') return result.detail.replace(/[0-9]+/g, '0');
    hold(result.consumed <= input.length, 'more is consumed than there is');
    const again = decodeTransportHeader(encodeTransportHeader(result.header));
    hold(again.kind === 'header' && sameData(again.header, result.header), 'it reads back differently');
    return `${result.header.name !== undefined} ${result.header.sessionProtocol}`;
  },
};

/** Certificates in DER are in the corpus. */
const certificateNames: FuzzTarget = {
  name: 'certificate',
  tokens: raw('\x30\x82', '\x82\x06web.ns', '\x86', 'U\x1d\x11', '\xa3', '\x04\x80', '\x30\x80'),
  seeds: () => [],
  run(input) {
    const id = peerIdentity(input);
    hold(!id || carriesIdentity(input, id), 'it does not carry its own identity');
    const problem = chainProblem({ leaf: input, intermediates: [input], anchors: [], at: 0 });
    return `${id?.kind} ${(problem ?? 'good').slice(0, 20)}`;
  },
};

const pem: FuzzTarget = {
  name: 'pem',
  tokens: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '\n', '=', 'AAAA', '-----'],
  seeds: () => texts(certificatesToPem([new Uint8Array(100), new Uint8Array([1])])),
  run(input) {
    const ders = certificatesFromPem(input.toString('utf8'));
    hold(
      sameData(
        certificatesFromPem(certificatesToPem(ders.filter((der) => der.length > 0))),
        ders.filter((der) => der.length > 0),
      ),
      'it reads back differently',
    );
    return String(Math.min(ders.length, 4));
  },
};

export const tlsTargets = [clientHello, transportHeader, certificateNames, pem];
