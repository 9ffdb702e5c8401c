// Uploads over a path with a round trip, to a server whose windows stay or grow.
import { describe, expect, test } from 'vitest';
import { fieldsOf, POST } from '../../test/h2/frames.ts';
import { drainOutput, Pair } from '../../test/h2/sessions.ts';
import { MAX_ADAPTIVE_WINDOW, PathEstimate } from './path-estimate.ts';

const RTT_MS = 100;
const BODY = Buffer.alloc(64 * 1024 * 1024);

/** Octets that arrive in each round trip, with a sender that has always more to send. */
class Upload {
  readonly pair: Pair;
  readonly perRound: number[] = [];
  #received = 0;

  constructor(adaptive: boolean) {
    this.pair = new Pair({}, { adaptive });
    const stream = this.pair.client.openStream(fieldsOf(POST), false, 'upload');
    if (!stream) throw new Error('no stream');
    this.pair.client.writeData(stream, BODY, 0, BODY.length, false);
  }

  /** Half of the round trip there, half of it back. */
  rounds(count: number): void {
    const { client, server, time, atServer } = this.pair;
    for (let round = 0; round < count; round++) {
      const up = drainOutput(client);
      time.advance(RTT_MS / 2);
      if (up.length > 0) server.receive(up);
      const down = drainOutput(server);
      time.advance(RTT_MS / 2);
      if (down.length > 0) client.receive(down);
      const total = [...atServer.bodies.values()].flat().reduce((sum, part) => sum + part.length, 0);
      this.perRound.push(total - this.#received);
      this.#received = total;
    }
  }
}

test('a window that stays holds a long path to its size', () => {
  const upload = new Upload(false);
  upload.rounds(20);
  expect(Math.max(...upload.perRound)).toBeLessThanOrEqual(65_535);
});

test('a window that grows lets a long path be filled, and stops at 16 MiB', () => {
  const upload = new Upload(true);
  upload.rounds(12);
  expect(upload.perRound[0]).toBeLessThanOrEqual(65_535);
  expect(Math.max(...upload.perRound)).toBeGreaterThan(1024 * 1024);
  upload.rounds(30);
  expect(Math.max(...upload.perRound)).toBeLessThanOrEqual(MAX_ADAPTIVE_WINDOW);
  expect(upload.pair.atClient.take().filter((event) => event.startsWith('failed'))).toEqual([]);
  expect(upload.pair.atServer.take().filter((event) => /^(failed|reset)/.test(event))).toEqual([]);
});

test('streams that are opened later begin with the window that others have made', () => {
  const upload = new Upload(true);
  upload.rounds(12);
  expect(upload.pair.client.peerSettings.initialWindowSize).toBeGreaterThan(1024 * 1024);
});

describe('the estimate', () => {
  class Scene {
    now = 0;
    readonly path = new PathEstimate(1000, { now: () => this.now });

    /** Whether the window grew. */
    measure(octets: number, tookMs = 10): boolean {
      if (!this.path.received(octets)) throw new Error('no PING');
      this.now += tookMs;
      return this.path.answered();
    }
  }

  test('is twice what came in a round trip that used two thirds of the window', () => {
    const scene = new Scene();
    expect([scene.measure(666), scene.path.window]).toEqual([false, 1000]);
    scene.now += 1_000;
    expect([scene.measure(900), scene.path.window]).toEqual([true, 1800]);
  });

  test('does not grow with a window that brings nothing', () => {
    const scene = new Scene();
    expect(scene.measure(1000)).toBe(true);
    scene.now += 1_000;
    // More octets, in more time.
    expect([scene.measure(2000, 100_000), scene.path.window]).toEqual([false, 2000]);
  });

  test('is made less often where nothing is found', () => {
    const scene = new Scene();
    expect(scene.measure(10)).toBe(false);
    scene.now += 399;
    expect(scene.path.received(10)).toBe(false);
    scene.now += 1;
    expect(scene.path.received(10)).toBe(true);
  });

  test('does not ask twice at once, nor take an answer that it has not asked for', () => {
    const scene = new Scene();
    expect(scene.path.answered()).toBe(false);
    expect([scene.path.received(1), scene.path.received(1)]).toEqual([true, false]);
  });
});
