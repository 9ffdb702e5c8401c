import { expect, test } from 'vitest';
import { StalledWires } from './stalled-wires.ts';

class Clock {
  now = 0;
  private timers: { readonly at: number; readonly fire: () => void }[] = [];

  after(delayMs: number, fire: () => void): () => void {
    this.timers.push({ at: this.now + delayMs, fire });
    return () => undefined;
  }

  advance(ms: number): void {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { fire } of due) fire();
  }

  get idle(): boolean {
    return this.timers.length === 0;
  }
}

class FakeWire {
  readonly errors: string[] = [];

  destroy(error: Error): void {
    this.errors.push(error.message);
  }
}

test('gives a wire its time and at most a quarter more', () => {
  const clock = new Clock();
  const stalled = new StalledWires(clock, 400);
  const [first, second] = [new FakeWire(), new FakeWire()];
  stalled.add(first);
  clock.advance(99);
  stalled.add(second);
  for (let i = 0; i < 4; i++) clock.advance(100);
  expect([first.errors, second.errors]).toEqual([[], []]);
  clock.advance(100);
  expect([first.errors, second.errors]).toEqual([['peer has not read for 400 ms'], ['peer has not read for 400 ms']]);
  expect(clock.now - 99).toBeLessThanOrEqual(500);
});

test('forgets a wire that moves, starts anew when it stalls again, and leaves no timer behind', () => {
  const clock = new Clock();
  const stalled = new StalledWires(clock, 400);
  const wire = new FakeWire();
  stalled.add(wire);
  for (let i = 0; i < 4; i++) clock.advance(100);
  stalled.delete(wire);
  stalled.add(wire);
  for (let i = 0; i < 4; i++) clock.advance(100);
  expect(wire.errors).toEqual([]);
  stalled.delete(wire);
  clock.advance(100);
  expect(wire.errors).toEqual([]);
  expect(clock.idle).toBe(true);
});

test('sets no limit for 0', () => {
  const clock = new Clock();
  new StalledWires(clock, 0).add(new FakeWire());
  expect(clock.idle).toBe(true);
});
