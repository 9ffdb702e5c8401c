import { expect, test } from 'vitest';
import { type Reason, reason } from '../reasons/reason.ts';
import { manualClock } from '../time/manual-clock.ts';
import { FailfastQueue, type QueueEntry, type QueueSource } from './failfast-queue.ts';

class Entry implements QueueEntry {
  aborted = false;
  got: string | undefined;
  refused: Reason | undefined;

  refuse(why: Reason): void {
    this.refused = why;
  }
}

/** Gives what it has, one after the other. */
class Shelf implements QueueSource<Entry, string> {
  readonly things: string[] = [];
  hopeless: Reason | undefined;
  onStart: ((entry: Entry) => void) | undefined;

  take(): string | undefined {
    return this.things.shift();
  }

  start(entry: Entry, taken: string): void {
    entry.got = taken;
    this.onStart?.(entry);
  }

  get ready(): boolean {
    return this.things.length > 0;
  }

  failfast(): Reason {
    return reason('FAILFAST', 'the shelf is empty');
  }
}

function setup(capacity = 10) {
  const clock = manualClock();
  const shelf = new Shelf();
  const events: string[] = [];
  const queue = new FailfastQueue({
    name: 'shelf',
    source: shelf,
    capacity,
    failfastMs: 1_000,
    clock,
    onGate: (shut) => events.push(shut ? 'shut' : 'open'),
    onEmpty: () => events.push('empty'),
  });
  const submit = (): Entry => {
    const entry = new Entry();
    queue.submit(entry);
    return entry;
  };
  const put = (...things: string[]): void => {
    shelf.things.push(...things);
    queue.pump();
  };
  return { clock, shelf, queue, events, submit, put };
}

test('gives at once what is there, without a timer', () => {
  const { clock, shelf, submit, events } = setup();
  shelf.things.push('a');
  expect(submit().got).toBe('a');
  expect([clock.pending, events]).toEqual([0, []]);
});

test('serves what waits in order, before what comes later', () => {
  const { submit, put, shelf } = setup();
  const [first, second] = [submit(), submit()];
  put('a');
  shelf.things.push('b');
  const third = submit();
  expect([first.got, second.got, third.got]).toEqual(['a', undefined, undefined]);
  put('c');
  expect([second.got, third.got]).toEqual(['b', 'c']);
});

test('shuts the gate when nothing was ready in time, and opens it when something is', () => {
  const { clock, submit, put, queue, events } = setup();
  const [first, second] = [submit(), submit()];
  clock.advance(999);
  expect(first.refused).toBeUndefined();
  clock.advance(1);
  expect([first.refused?.code, second.refused?.code, queue.shut]).toEqual(['FAILFAST', 'FAILFAST', true]);
  expect(submit().refused).toEqual(reason('GATE_SHUT', 'the shelf is empty'));
  put('a');
  expect([queue.shut, submit().got, clock.pending]).toEqual([false, 'a', 0]);
  expect(events).toEqual(['shut', 'empty', 'open']);
});

test('opens the gate for who finds something ready of which nobody told', () => {
  const { clock, shelf, submit, queue } = setup();
  submit();
  clock.advance(1_000);
  shelf.things.push('a');
  expect([submit().got, queue.shut]).toEqual(['a', false]);
});

test('counts the time anew whenever one was served', () => {
  const { clock, submit, put } = setup();
  const [first, second] = [submit(), submit()];
  clock.advance(900);
  put('a');
  expect(first.got).toBe('a');
  clock.advance(900);
  expect(second.refused).toBeUndefined();
  clock.advance(100);
  expect(second.refused?.code).toBe('FAILFAST');
});

test('refuses beyond its capacity, in which those that left do not count', () => {
  const { submit } = setup(2);
  const first = submit();
  submit();
  expect(submit().refused).toEqual(reason('QUEUE_FULL', 'shelf: 2 wait'));
  first.aborted = true;
  expect(submit().refused).toBeUndefined();
});

test('does not wait for what is hopeless', () => {
  const { submit, shelf, queue, events, clock } = setup();
  const waiting = submit();
  shelf.hopeless = reason('TLS_PEER_NAME_MISMATCH');
  queue.pump();
  expect([waiting.refused?.code, submit().refused?.code]).toEqual(['TLS_PEER_NAME_MISMATCH', 'TLS_PEER_NAME_MISMATCH']);
  expect([events, clock.pending]).toEqual([['empty'], 0]);
});

test('calls nothing on those that left', () => {
  const { clock, submit, put } = setup();
  const [gone, late] = [submit(), submit()];
  gone.aborted = true;
  put('a');
  expect([gone.got, late.got]).toEqual([undefined, 'a']);
  const other = submit();
  other.aborted = true;
  clock.advance(1_000);
  expect(other.refused).toBeUndefined();
});

test('is not confused by one that leads back to it when it starts', () => {
  const { submit, put, shelf, queue } = setup();
  const entries = [submit(), submit(), submit()];
  shelf.onStart = () => queue.pump();
  put('a', 'b', 'c');
  expect(entries.map((entry) => entry.got)).toEqual(['a', 'b', 'c']);
  expect(queue.length).toBe(0);
});

test('refuses all that wait when it is cleared', () => {
  const { clock, submit, queue, events } = setup();
  const entries = [submit(), submit()];
  queue.clear(reason('DRAINING'));
  expect(entries.map((entry) => entry.refused?.code)).toEqual(['DRAINING', 'DRAINING']);
  expect([clock.pending, events, queue.shut]).toEqual([0, ['empty'], false]);
});
