import { Session } from 'node:inspector/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReasonError } from '../reasons/reason.ts';
import { type Pattern, patternCompiler } from './pattern.ts';
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

/** Undefined where it is refused. */
const compiled = (regex: string): Pattern | undefined => {
  try {
    return patternCompiler()(regex);
  } catch {
    return undefined;
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
  ['(a{100}){20}', 'invalid repeat count'],
  ['(a{1000}){1000}', 'up to 1003003 instructions, and may have 10000'],
  [`${'(a?){500}'.repeat(12)}`, 'instructions, and may have 10000'],
  [`(?i)[${'\\x{42}-\\x{1e943}'.repeat(200)}]`, 'too long to compile together: this one needs 1565018 steps, and 49589 of 50000 are left'],
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

test('neither loses nor adds anything where there are anchors', () => {
  const takes = (regex: string): boolean[] => ['a', 'b', 'ab', '', 'ca'].map((text) => compiled(regex)?.matches(text) ?? false);
  expect(takes('^a$')).toEqual([true, false, false, false, false]);
  expect(takes('^a|b$')).toEqual([true, true, false, false, false]);
  expect(takes('(?:^a)?b?$')).toEqual([true, true, true, true, false]);
  expect(takes('\\Aa?\\z')).toEqual([true, false, false, true, false]);
  expect(['?^a', '*^a', '+^a', '{2}^a'].map((regex) => codeOf(() => patternCompiler()(regex)))).toEqual(Array.from({ length: 4 }, () => 'POLICY_INVALID'));
});

test('lets the next pattern be used where one is refused', () => {
  const compile = patternCompiler();
  expect(codeOf(() => compile('(?:a?){1000}'.repeat(340)))).toBe('POLICY_INVALID');
  expect(codeOf(() => compile('/a('))).toBe('POLICY_INVALID');
  expect(compile('/a').matches('/a')).toBe(true);
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
  ['/v1/[^\\]]+|/v2/[a-z]+', ''],
  ['x[\\]]a|b[c]', ''],
  ['/a[^\\]]|/b[c]', ''],
  ['/a[\\]]|/b[\\]]', ''],
  ['/a[[:alpha:]\\]]|b', ''],
  ['/a[]a]|b', ''],
  ['/a\\x{7c}|b', ''],
  ['/a[\\p{L}|]b', '/a'],
  ['/a(?i)*', ''],
  ['/a\\Q\\E*', ''],
  ['/a{,2}b', '/a{,2}b'],
  ['\\Qa(\\E|b', ''],
  ['/x{0}y', '/'],
])('knows what texts of %s begin with', (regex, prefix) => {
  expect(patternCompiler()(regex).prefix).toBe(prefix);
});

test('never takes a text for one that does not match because of how it begins', () => {
  const classes = ['[ab]', '[^a]', '[)|]', '[]|]', '[[:alpha:]]', '[\\]]', '[^\\]]', '[\\[]', '[]a]', '[^]]', '[b[:^alpha:]]', '[\\p{L}\\]]'];
  const plain = ['a', 'b', '\\.', '\\(', '.', '\\]', '\\|', '\\x{62}', '\\x62', '\\pL', '\\p{^L}', '\\Qa|\\E', '^', '$'];
  const repeats = ['a*', 'b?', 'a+', 'b{0,2}', '{,2}', '*', '+'];
  const groups = ['(a|b)', '(?:a|)', '(?i)', '(?s)', '(?i:a)', '(?i-s:b)', '(?P<n>', '(', ')', '\\Q', '\\E'];
  const part = fc.oneof(
    ...[['a', 'b'], classes, plain].map((parts) => ({ weight: 3, arbitrary: fc.constantFrom(...parts) })),
    ...[repeats, groups].map((parts) => ({ weight: 1, arbitrary: fc.constantFrom(...parts) })),
  );
  const branch = fc.array(part, { maxLength: 3 }).map((parts) => parts.join(''));
  const characters = ['a', 'b', 'A', '|', ']'];
  const texts = ['']; // All of up to three characters.
  for (const text of texts) if (text.length < 3) texts.push(...characters.map((one) => text + one));
  fc.assert(
    fc.property(
      fc.oneof(
        branch,
        fc.tuple(branch, branch).map((two) => two.join('|')),
      ),
      (regex) => {
        const pattern = compiled(regex);
        expect(texts.filter((one) => pattern?.matches(one) && !one.startsWith(pattern.prefix))).toEqual([]);
      },
    ),
    { seed: 17, numRuns: 5_000 },
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

/** How often functions of the matcher, or those with a name, are called meanwhile, which V8 counts: the same on every machine. */
async function callsIn(run: () => void, name?: string): Promise<number> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  run();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const functions = result.filter(({ url }) => url.includes('re2js')).flatMap((script) => script.functions);
  const counts = functions.filter(({ functionName }) => functionName === (name ?? functionName)).map(({ ranges: [whole] }) => whole?.count ?? 0);
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

test('builds no automaton, which hostile texts make grow to megabytes', async () => {
  const pattern = patternCompiler()('.*a.{100}');
  expect(await callsIn(() => pattern.matches('abbaab'.repeat(100)), 'makeState')).toBe(0);
});

const times = (count: number, one: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => one(i));
const word = (i: number): string => String.fromCodePoint(0x4e00 + 2 * i);

test.each([
  ['nested repeats', times(30, (i) => `${i}${'(?:a?){1000}'.repeat(340)}`)],
  ['repeats just below the limit', times(30, (i) => `${i}${'(?:a?){1000}'.repeat(3)}`)],
  ['Unicode classes without case', times(100, (i) => `(?i)[${'\\pL\\pN\\pS'.repeat(100)}]${i}`)],
  ['few Unicode classes without case', times(300, (i) => `(?i)[\\pL\\pN\\pS]${i}`)],
  ['wide ranges without case', times(100, (i) => `(?i)[\\x{42}-\\x{1e943}]${i}`)],
  ['what re2js prepares for another engine', times(30, (i) => `^${i}${times(400, (n) => `${word(n)}?`).join('')}$`)],
  ['the same behind a group and flags', times(30, (i) => `(?:(?s)\\A)${i}${times(400, (n) => `${word(n)}?`).join('')}\\z`)],
  ['alternatives that begin alike', times(30, (i) => `${i}(?:${times(8, () => '.'.repeat(490)).join('|')})`)],
  ['alternatives within alternatives', times(30, (i) => `${i}${'(?:b|'.repeat(200)}${times(900, word).join('|')}${')'.repeat(200)}`)],
  ['what ends before its class does', times(100, (i) => `${i}[${'[:'.repeat(2000)}`)],
  ['what is refused at its end', times(300, (i) => `${i}${'a'.repeat(4000)}(`)],
])('bounds the work of compiling %s', async (_, patterns) => {
  const compile = patternCompiler();
  // A hundred ordinary ones take 30 000.
  expect(await callsIn(() => patterns.forEach((one) => void codeOf(() => compile(one))))).toBeLessThan(3_000_000);
});

test.each([
  ['paths', times(200, (i) => `/api/v[0-9]+/users${i}/[^/]+(?:/.*)?`)],
  ['paths with anchors', times(200, (i) => `^/api/v[0-9]+/users${i}/[^/]+$`)],
  ['names without case', times(200, (i) => `(?i)/API-${i}/[a-z0-9_-]+`)],
  ['letters of all languages', times(100, (i) => `/${i}/[\\p{L}\\p{N}_-]+`)],
  ['many repeats', times(100, (i) => `/${i}/[a-z]{1,100}`)],
  ['fifty words', times(50, (i) => `/${i}/(?:${times(50, (n) => `word-${n * 7919}`).join('|')})/.*`)],
])('accepts what users write: %s', (_, patterns) => {
  const compile = patternCompiler();
  expect(patterns.map((one) => compile(one).source)).toEqual(patterns);
});
