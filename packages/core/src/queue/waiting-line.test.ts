import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaitingLine } from './waiting-line.ts';

const person = (id: number) => ({ id, aborted: false });

test('serves in order and forgets nobody, for any joins and shifts', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('join', 'join', 'shift', 'drain'), { maxLength: 400 }), (steps) => {
      const line = new WaitingLine<ReturnType<typeof person>>(1_000);
      let model: number[] = [];
      let next = 0;
      for (const step of steps) {
        if (step === 'join') {
          must(line.join(person(next), next), 'there is room');
          model.push(next++);
        } else if (step === 'shift') {
          must(line.first?.waiter.id === model[0], 'the first is the first');
          must(line.shift()?.since === model.shift(), 'and is taken');
        } else if (steps.length % 7 === 0) {
          must(String(line.drain().map(({ waiter }) => waiter.id)) === String(model), 'all are taken in order');
          model = [];
        }
        expect(line.length).toBe(model.length);
      }
    }),
    { seed: 8 },
  );
});

test('refusing looks at a hundred who wait on the average, however long the line is', () => {
  const line = new WaitingLine<{ aborted: boolean }>(10_000);
  let asked = 0;
  const waiter = () => ({
    get aborted() {
      asked++;
      return false;
    },
  });
  for (let n = 0; n < 10_000; n++) line.join(waiter(), n);
  for (let n = 0; n < 1_000; n++) line.join(waiter(), n);
  expect([line.length, asked > 0, asked <= 10_000 + 1_000 * 100]).toEqual([10_000, true, true]);
});

test('being served costs the same in a long line as in a short one', () => {
  const line = new WaitingLine<{ aborted: boolean }>(1_000_000);
  for (let n = 0; n < 500_000; n++) line.join(person(n), n);
  let inOrder = 0;
  for (let n = 0; n < 500_000; n++) if (line.shift()?.since === n) inOrder++;
  expect([inOrder, line.shift()]).toEqual([500_000, undefined]);
});

/** Inside a property, where the step decides what must hold. */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}
