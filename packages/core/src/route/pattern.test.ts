import { Session } from 'node:inspector/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReasonError } from '../reasons/reason.ts';
import { patternCompiler } from './pattern.ts';
import { RequestView } from './request-view.ts';

const view = (path = '/') => new RequestView({ method: 'GET', path, authority: undefined, headers: [] });
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof ReasonError ? error.reason.code : 'other';
  }
};

test('matches whole texts only', () => {
  const compile = patternCompiler();
  expect(['/a', '/b', '/ab', 'x/a', '/a\n'].map((text) => compile('/(?:a|b)').matches(text))).toEqual([true, true, false, false, false]);
  expect(compile('a|ab').matches('ab')).toBe(true);
});

test('reads the syntax of Rust: inline flags, named groups, Unicode classes', () => {
  const compile = patternCompiler();
  expect(compile('(?i)/ADMIN').matches('/admin')).toBe(true);
  expect(compile('(?P<version>v[0-9]+)').matches('v12')).toBe(true);
  expect(compile('\\pL+').matches('straße')).toBe(true);
});

test.each([
  ['(a', 'missing closing'],
  ['(?=a)', 'invalid or unsupported Perl syntax'],
  ['(a{1000}){1000}', 'invalid repeat count'],
  [`${'(a?){500}'.repeat(12)}`, 'instructions, and may have 10000'],
  ['a'.repeat(5000), 'it has 5000 characters, and may have 4096'],
  ['('.repeat(2000) + ')'.repeat(2000), 'nests too deeply'],
])('refuses %.40s and says why', (regex, why) => {
  expect(() => patternCompiler()(regex)).toThrow(why);
  expect(codeOf(() => patternCompiler()(regex))).toBe('POLICY_INVALID');
});

test('bounds the patterns of one policy together, and compiles equal ones once', () => {
  const compile = patternCompiler();
  const large = (i: number): string => `${i}(?:a?){1000}`;
  expect(codeOf(() => Array.from({ length: 60 }, (_, i) => compile(large(i))))).toBe('POLICY_INVALID');
  const again = patternCompiler();
  for (let i = 0; i < 1000; i++) again(large(0));
  expect(again(large(0))).toBe(again(large(0)));
});

test.each([
  ['/api/v[0-9]+', '/api/v'],
  ['/api/v?', '/api/'],
  ['/api\\.json', '/api.json'],
  ['/a\\.*', '/a'],
  ['/a+', '/a'],
  ['/a|/b', ''],
  ['(?i)/a', ''],
  ['\\d+', ''],
  ['/a(b)?', '/a'],
  ['/a(b|c)', '/a'],
  ['/a(?:/.*)?', '/a'],
  ['/a[|]b', '/a'],
  ['/a[)|]b|c', ''],
  ['/a(b)|c', ''],
  ['/a\\(b|c', ''],
  ['\\Qa(\\E|b', ''],
  ['/x{0}y', '/'],
])('knows what texts of %s begin with', (regex, prefix) => {
  expect(patternCompiler()(regex).prefix).toBe(prefix);
});

test('never takes a text for one that does not match because of how it begins', () => {
  const part = fc.constantFrom(
    'a',
    'b',
    '\\.',
    '\\(',
    '.',
    'a*',
    'b?',
    'a+',
    'b{0,2}',
    '[ab]',
    '[^a]',
    '[)|]',
    '[]|]',
    '[[:alpha:]]',
    '(a|b)',
    '(?:a|)',
    '(?i)',
    '(?i:a)',
    '|',
    '\\Qa|\\E',
    '^',
    '$',
  );
  const text = fc.array(fc.constantFrom('a', 'b', 'A', '.', '(', '|', ')', ']'), { maxLength: 4 }).map((characters) => characters.join(''));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.array(text, { maxLength: 20 }), (parts, texts) => {
      const pattern = patternCompiler()(parts.join(''));
      expect(texts.filter((one) => pattern.matches(one) && !one.startsWith(pattern.prefix))).toEqual([]);
    }),
    { seed: 17, numRuns: 3_000 },
  );
});

// Counts in place of times: a backtracking engine takes 2^n steps where these take n.
test('spends steps in proportion to the text, and no more than its allowance', () => {
  const pattern = patternCompiler()('(?:a+)+b');
  const spent = (length: number): number => {
    const one = view();
    expect(one.matches(pattern, 'a'.repeat(length))).toBe(false);
    return one.steps;
  };
  expect(spent(2_000) / spent(1_000)).toBeCloseTo(2, 1);
  expect(codeOf(() => spent(1_000_000))).toBe('MATCH_LIMIT');
});

test('shares the allowance of a request among all patterns', () => {
  const one = view();
  const pattern = patternCompiler()('x?y?z?.{0,900}');
  const tries = Array.from({ length: 1_000 }, () => codeOf(() => one.matches(pattern, 'x'.repeat(900))));
  expect(tries[0]).toBe('none');
  expect(tries.at(-1)).toBe('MATCH_LIMIT');
});

/** How often functions of the matcher are called meanwhile, which V8 counts: the same on every machine. */
async function callsIn(run: () => void): Promise<number> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  run();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const counts = result.filter(({ url }) => url.includes('re2js')).flatMap(({ functions }) => functions.map(({ ranges: [whole] }) => whole?.count ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

test('takes steps in proportion to text that makes backtracking engines explode', async () => {
  const compile = patternCompiler();
  for (const regex of ['(?:a+)+b', '(?:a|aa)*b', '(?:a|a)*b', '(?:.*)(?:.*)(?:.*)(?:.*)(?:.*)[^a]']) {
    const pattern = compile(regex);
    const steps = (length: number): Promise<number> => callsIn(() => pattern.matches('a'.repeat(length)));
    const few = await steps(1_000);
    expect(few).toBeGreaterThan(1_000);
    // V8's own engine would take longer for 40 characters than anybody waits.
    expect(await steps(4_000)).toBeLessThan(4.1 * few);
  }
});
