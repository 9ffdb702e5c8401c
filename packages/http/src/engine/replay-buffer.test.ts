import { expect, test } from 'vitest';
import type { CallEnd } from './ends.ts';
import { ReplayBuffer } from './replay-buffer.ts';

/** Takes what it is sent, as text. */
function taker(): { readonly end: CallEnd; readonly got: string[] } {
  const got: string[] = [];
  const ignore = (): void => undefined;
  return { got, end: { data: (chunk) => void got.push(chunk.toString()), finish: ignore, reset: ignore, credit: ignore, release: ignore } };
}

test('sends all that came to each upstream, from the first byte on', () => {
  const replay = new ReplayBuffer(100, [Buffer.from('one')]);
  const first = taker();
  expect(replay.sendTo(first.end, { observer: null, call: first.end })).toBe(true);
  replay.add(Buffer.from('two'));
  const second = taker();
  replay.sendTo(second.end, { observer: null, call: second.end });
  expect([first.got, second.got]).toEqual([['one'], ['one', 'two']]);
});

test('gives the client room for each byte once, however often upstreams take it', () => {
  const replay = new ReplayBuffer(100, [Buffer.alloc(50)]);
  const { end } = taker();
  replay.sendTo(end, { observer: null, call: end });
  expect(replay.creditFor(30)).toBe(30);
  replay.sendTo(end, { observer: null, call: end });
  expect([replay.creditFor(20), replay.creditFor(20), replay.creditFor(10)]).toEqual([0, 10, 10]);
});

test('lets go of what is too long only once it has gone out', () => {
  const replay = new ReplayBuffer(4, [Buffer.from('longer')]);
  expect(replay.lost).toBe(false);
  const { end, got } = taker();
  replay.sendTo(end, { observer: null, call: end });
  expect([replay.lost, got]).toEqual([true, ['longer']]);
  const none = taker();
  expect(replay.sendTo(none.end, { observer: null, call: none.end })).toBe(false);
});

test('keeps as many bytes as it may, and not one more', () => {
  const replay = new ReplayBuffer(4, [Buffer.from('123')]);
  const { end } = taker();
  replay.sendTo(end, { observer: null, call: end });
  replay.add(Buffer.from('4'));
  replay.passed();
  expect(replay.lost).toBe(false);
  replay.add(Buffer.from('5'));
  replay.passed();
  expect(replay.lost).toBe(true);
});

test('stops where the body goes elsewhere meanwhile', () => {
  const replay = new ReplayBuffer(100, [Buffer.from('one'), Buffer.from('two')]);
  const { end, got } = taker();
  const sender: { observer: null; call: CallEnd | null } = { observer: null, call: end };
  const breaking: CallEnd = { ...end, data: (chunk) => ((sender.call = null), end.data(chunk, false)) };
  sender.call = breaking;
  replay.sendTo(breaking, sender);
  expect(got).toEqual(['one']);
});

test('copies small pieces, which would keep what they were read into', () => {
  const read = Buffer.from('small, in a large buffer');
  const replay = new ReplayBuffer(100, [read.subarray(0, 5)]);
  read.fill('x');
  const { end, got } = taker();
  replay.sendTo(end, { observer: null, call: end });
  expect(got).toEqual(['small']);
});
