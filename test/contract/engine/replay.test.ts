// A property of the engine: whatever becomes of the tries of an exchange, each upstream gets the body of the client from its first byte on,
// and the one whose answer is relayed gets all of it. spec/proxy.md §7.6.
import { weftEngine } from '@weft/http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bench, type Version } from './bench.ts';
import { http1, http2 } from './calls.ts';
import { tries, VERSIONS } from './retry-scene.ts';

/** What an origin does with a request: answers with a status once it has read it, or breaks off after so many bytes. */
type Deed = { readonly kind: 'answer'; readonly status: number } | { readonly kind: 'break'; readonly afterBytes: number };

interface Run {
  readonly version: Version;
  readonly pieces: readonly number[];
  readonly maxBodyBytes: number;
  readonly deeds: readonly Deed[];
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), status: fc.constantFrom(200, 500, 503) }),
  fc.record({ kind: fc.constant('break' as const), afterBytes: fc.integer({ min: 1, max: 60_000 }) }),
);

const run: fc.Arbitrary<Run> = fc.record({
  version: fc.constantFrom(...VERSIONS),
  pieces: fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 4 }),
  maxBodyBytes: fc.constantFrom(0, 1_000, 64 * 1024, 1024 * 1024),
  deeds: fc.array(deed, { minLength: 1, maxLength: 4 }),
});

/** Bytes of which no part looks like another. */
function bodyOf(pieces: readonly number[]): string {
  const total = pieces.reduce((sum, piece) => sum + piece, 0);
  let text = '';
  for (let i = 0; text.length < total; i += 1) text += `${i}.`;
  return text.slice(0, total);
}

test('each upstream gets the body from its first byte on, and the last one gets all of it', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ version, pieces, maxBodyBytes, deeds }) => {
      const bench = new Bench(weftEngine());
      try {
        const body = bodyOf(pieces);
        const received: string[] = [];
        const port = await originOf(bench, version, deeds, received);
        const proxy = await tries(bench, { client: version, origins: [port], maxBodyBytes });
        const answer = await ask(bench, version, proxy.port, body);
        for (const got of received) expect(body.startsWith(got)).toBe(true);
        expect(answer !== 200 || received.at(-1) === body).toBe(true);
        // What was too long to be kept is sent again only if nothing of it had gone out.
        expect(body.length <= maxBodyBytes || received.filter((got) => got.length > 0).length <= 1).toBe(true);
      } finally {
        await bench.close();
      }
    }),
    { seed: 31, numRuns: 60 },
  );
});

async function originOf(bench: Bench, version: Version, deeds: readonly Deed[], received: string[]): Promise<number> {
  const next = (): Deed => deeds[received.length] ?? { kind: 'answer', status: 200 };
  const take = (stream: NodeJS.ReadableStream, one: Deed, answer: (status: number) => void, cut: () => void): void => {
    const index = received.push('') - 1;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString('latin1');
      if (one.kind === 'break' && (received[index]?.length ?? 0) >= one.afterBytes) cut();
    });
    stream.on('end', () => (one.kind === 'answer' ? answer(one.status) : cut()));
  };
  if (version === 'http/1') {
    return await bench.http1Origin((request, response) => {
      take(
        request,
        next(),
        (status) => response.writeHead(status).end('x'),
        () => request.socket.destroy(),
      );
    });
  }
  const { port } = await bench.http2Origin((stream) => {
    take(
      stream,
      next(),
      (status) => {
        stream.respond({ ':status': status });
        stream.end('x');
      },
      () => stream.close(7),
    );
  });
  return port;
}

/** The status; undefined where the exchange was broken off. */
async function ask(bench: Bench, version: Version, port: number, body: string): Promise<number | undefined> {
  try {
    if (version === 'http/1') return (await http1(port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })).status;
    return (await http2(bench.http2Client(port), { headers: { ':method': 'POST' }, body })).status;
  } catch {
    // A gap in the answer is no answer.
    return undefined;
  }
}
