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
          expect(line.join(person(next), next)).toBe(true);
          model.push(next++);
        } else if (step === 'shift') {
          expect(line.first?.waiter.id).toBe(model[0]);
          expect(line.shift()?.since).toBe(model.shift());
        } else if (steps.length % 7 === 0) {
          expect(line.drain().map(({ waiter }) => waiter.id)).toEqual(model);
          model = [];
        }
        expect(line.length).toBe(model.length);
      }
    }),
    { seed: 8 },
  );
});

test('a full line looks for those who left once, and then not for every refusal', () => {
  const line = new WaitingLine<{ aborted: boolean }>(100);
  let asked = 0;
  const waiter = () => ({
    get aborted() {
      asked++;
      return false;
    },
  });
  for (let n = 0; n < 100; n++) line.join(waiter(), n);
  for (let n = 0; n < 1_000; n++) expect(line.join(waiter(), n)).toBe(false);
  expect(asked).toBeLessThanOrEqual(100 * (1 + 1_000 / 50));
});

test('being served costs the same in a long line as in a short one', () => {
  const line = new WaitingLine<{ aborted: boolean }>(1_000_000);
  for (let n = 0; n < 500_000; n++) line.join(person(n), n);
  for (let n = 0; n < 500_000; n++) expect(line.shift()?.since === n).toBe(true);
  expect(line.shift()).toBeUndefined();
});
