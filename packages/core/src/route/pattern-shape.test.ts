import fc from 'fast-check';
import { RE2JS } from 're2js';
import { expect, test } from 'vitest';
import { patternShape } from './pattern-shape.ts';

const sizeOf = (regex: string): number => {
  try {
    return RE2JS.compile(regex).programSize();
  } catch {
    return 0;
  }
};

test.each(['', 'a', '/api/v[0-9]+/users/[^/]+', '(?i)[a-z]{1,100}', 'a{1000}', '(?:a{2}|b?){3,}', '(?P<n>a*)*'])('knows the size of %s closely', (regex) => {
  const real = sizeOf(regex);
  expect(patternShape(regex).size).toBeGreaterThanOrEqual(real);
  expect(patternShape(regex).size).toBeLessThanOrEqual(real + Math.max(12, 0.2 * real));
});

const part = fc.constantFrom(
  ...String.raw`a é 😀 . [ab] [^\]] []a] [[:alpha:] ] [a- \pL \p{^N} \d \b \x{61} \x \07 \ \Q \E`.split(' '),
  ...String.raw`* + ? ?? {2} {0,3} {2,} {,2} { } ( (?: (?i: (?P<n> (?<m> (?s) (?U) (? ) ) | | ^ $ \A`.split(' '),
);

test('never takes a pattern for smaller than it becomes', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      const regex = parts.join('');
      expect(patternShape(regex).size).toBeGreaterThanOrEqual(sizeOf(regex));
      expect(patternShape(regex).work).toBeGreaterThanOrEqual(patternShape(regex).size);
    }),
    { seed: 3, numRuns: 20_000 },
  );
});

test('sees every beginning that re2js prepares for its engine of one pass', () => {
  let prepared = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('', '(?:', '(?s)', '[]a]?', '\\Q^\\E?'),
      fc.constantFrom('^', '\\A', '[^', '\\^', ''),
      fc.array(part, { maxLength: 6 }),
      (...parts) => {
        const regex = parts.flat().join('');
        fc.pre(sizeOf(regex) > 0 && RE2JS.compile(regex).re2().onepass !== null);
        prepared++;
        expect(patternShape(regex).hasAnchors).toBe(true);
      },
    ),
    { seed: 5, numRuns: 500, maxSkipsPerRun: 1_000 },
  );
  expect(prepared).toBe(500);
});

test('counts the work of classes once, however often they are repeated', () => {
  expect(patternShape('\\pL{1000}').work - patternShape('\\pL').work).toBeCloseTo(999, -2);
  expect(patternShape('(?i)\\pL').work).toBeGreaterThan(1.5 * patternShape('\\pL').work);
  expect(patternShape('(?i)[a-\\x{ffff}]').work).toBeGreaterThan(1_000);
  expect(patternShape('(?i)[\\x{0}-\\x{10ffff}]').work).toBeLessThan(10);
});
