// Two sessions under random traffic: no octet is lost, doubled or out of order, no window gets stuck, and every stream ends once on each side.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fieldsOf, POST } from '../../test/h2/frames.ts';
import type { Recorder, Stream } from '../../test/h2/recorder.ts';
import { Pair } from '../../test/h2/sessions.ts';
import type { Http2Session } from './session.ts';

const action = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('up' as const, 'down' as const), of: fc.nat(), bytes: fc.nat({ max: 70_000 }), end: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('grantUp' as const, 'grantDown' as const), of: fc.nat(), bytes: fc.nat({ max: 100_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('resetUp' as const, 'resetDown' as const), of: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pump' as const) }) },
);

interface Way {
  readonly session: Http2Session<string>;
  readonly stream: Stream;
  sent: number;
}

/** The octet at each position of every stream is known, so that what comes can be judged. */
const octets = Buffer.from(Array.from({ length: 4_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

class Traffic {
  readonly pair: Pair;
  readonly ups: Way[] = [];
  readonly downs: Way[] = [];

  constructor(window: number, connectionWindow: number) {
    const settings = { initialStreamWindow: window, initialConnectionWindow: connectionWindow };
    this.pair = new Pair({ settings }, { settings });
    this.pair.atClient.holds = true;
    this.pair.atServer.holds = true;
    this.pair.atServer.answer = (stream) => {
      this.pair.server.writeHeaders(stream, fieldsOf([[':status', '200']]), false);
      this.downs.push({ session: this.pair.server, stream, sent: 0 });
    };
  }

  open(): void {
    const stream = this.pair.client.openStream(fieldsOf(POST), false, 'x');
    if (stream !== null) this.ups.push({ session: this.pair.client, stream, sent: 0 });
  }

  write(ways: Way[], of: number, bytes: number, end: boolean): void {
    const way = ways[of % Math.max(1, ways.length)];
    if (way === undefined || way.stream.localEnded || way.stream.endsAfterWaiting || way.sent + bytes > octets.length) return;
    way.session.writeData(way.stream, octets, way.sent, way.sent + bytes, end);
    way.sent += bytes;
  }

  grant(ways: Way[], of: number, bytes: number): void {
    const way = ways[of % Math.max(1, ways.length)];
    way?.session.grantCredit(way.stream, bytes);
  }

  reset(ways: Way[], of: number): void {
    const way = ways[of % Math.max(1, ways.length)];
    if (way !== undefined) way.session.resetStream(way.stream, 8);
  }
}

/** What was delivered is the beginning of what was sent; all of it for streams that neither side reset. */
function judge(recorder: Recorder, senders: readonly Way[], receivers: readonly Way[]): void {
  const resets = new Set([...senders, ...receivers].filter(({ stream }) => stream.reset).map(({ stream }) => stream.id));
  for (const { stream, sent } of senders) {
    const got = Buffer.concat(recorder.bodies.get(stream.id) ?? []);
    expect(got.equals(octets.subarray(0, got.length))).toBe(true);
    expect(resets.has(stream.id) || got.length === sent).toBe(true);
  }
}

test('loses and doubles nothing under random traffic', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 65535, max: 200_000 }),
      (actions, window, whole) => {
        const traffic = new Traffic(window, whole);
        const { pair, ups, downs } = traffic;
        traffic.open();
        for (const each of actions) {
          if (each.kind === 'open') traffic.open();
          else if (each.kind === 'pump') pair.pump();
          else if (each.kind === 'up') traffic.write(ups, each.of, each.bytes, each.end);
          else if (each.kind === 'down') traffic.write(downs, each.of, each.bytes, each.end);
          else if (each.kind === 'grantUp') traffic.grant(downs, each.of, each.bytes);
          else if (each.kind === 'grantDown') traffic.grant(ups, each.of, each.bytes);
          else traffic.reset(each.kind === 'resetUp' ? ups : downs, each.of);
        }
        // From here on everybody grants at once, and all that waits must arrive.
        pair.pump();
        pair.atClient.holds = false;
        pair.atServer.holds = false;
        for (const way of [...ups, ...downs]) way.session.grantCredit(way.stream, 10_000_000);
        pair.pump();
        judge(pair.atServer, ups, downs);
        judge(pair.atClient, downs, ups);
        for (const ways of [ups, downs]) for (let i = 0; i < ways.length; i++) traffic.write(ways, i, 0, true);
        pair.pump();
        expect([pair.client.openStreams, pair.server.openStreams]).toEqual([0, 0]);
        const closed = pair.atClient.events.filter((event) => event.startsWith('closed'));
        expect(new Set(closed).size).toBe(closed.length);
        // The windows are whole again: a body larger than the connection's passes.
        traffic.open();
        pair.pump();
        traffic.write(ups, ups.length - 1, 300_000, true);
        pair.pump();
        expect(pair.atServer.body(ups.at(-1)?.stream.id ?? 0).length).toBe(300_000);
      },
    ),
    { numRuns: 50 },
  );
});
