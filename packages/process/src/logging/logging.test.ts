import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { type CreateLoggerOptions, createLogger } from './create-logger.ts';
import { parseLogFilter, parseLogLevel } from './log-level.ts';

const captured = (options: Partial<CreateLoggerOptions>): { readonly lines: string[]; readonly logger: ReturnType<typeof createLogger> } => {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', name: 'test', output: { write: (line: string) => lines.push(line) > 0 }, ...options });
  return { lines, logger };
};

describe('records', () => {
  test('in JSON are one object per line', () => {
    const { lines, logger } = captured({ format: 'json' });
    logger.child({ port: 80 }).log('warn', 'it\nhappened', { peer: 'a', error: new Error('outer', { cause: new Error('inner') }), big: 5n, level: 'x' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      name: 'test',
      port: 80,
      peer: 'a',
      error: 'outer: inner',
      big: '5',
      level_: 'x',
      message: 'it\nhappened',
    });
    expect(lines[0]?.endsWith('}\n')).toBe(true);
  });

  test('in plain text are one line each', () => {
    const { lines, logger } = captured({});
    logger.log('info', 'it\nhappened', { a: 'x y', b: 1, c: 'z', d: { e: [1] }, f: '' });
    expect(lines[0]).toMatch(/^\d{4}-\S+Z {2}INFO test: it happened a="x y" b=1 c=z d=\{"e":\[1\]\} f=""\n$/);
  });

  test('can be stamped with the uptime', () => {
    const { lines, logger } = captured({ stamp: 'uptime' });
    logger.log('error', 'x');
    expect(lines[0]).toMatch(/^\[ *\d+\.\d{6}s\] ERROR test: x\n$/);
  });
});

describe('the threshold', () => {
  test('drops what is below it, in children too, and can be moved', () => {
    const { lines, logger } = captured({ level: 'warn' });
    const child = logger.child({ a: 1 });
    child.log('info', 'no');
    expect([child.enabled('info'), child.enabled('warn')]).toEqual([false, true]);
    logger.setLevel('debug');
    child.log('debug', 'yes');
    child.log('trace', 'no');
    logger.setLevel('off');
    child.log('error', 'no');
    expect([lines.length, logger.level, child.enabled('error')]).toEqual([1, 'off', false]);
  });

  test.each([
    ['info', 'info'],
    ['WARN', 'warn'],
    ['warning', 'warn'],
    ['panic', 'error'],
    ['off', 'off'],
    ['loud', undefined],
    ['constructor', undefined],
    ['', undefined],
  ])('%j as a level is %s', (text, level) => {
    expect(parseLogLevel(text)).toBe(level);
  });

  test.each([
    ['warn,linkerd=info,hickory=error', 'info'],
    ['debug', 'debug'],
    ['off', 'off'],
    ['warn, weft=trace ,linkerd=info', 'trace'],
    ['warn,hickory=trace', 'warn'],
    ['hickory=trace', 'error'],
    ['linkerd', 'trace'],
    ['linkerd_app::outbound=debug,info', 'info'],
    ['', undefined],
    ['warn,linkerd=loud', undefined],
    ['linkerd[span]=info,warn', 'warn'],
    ['warn,linkerd=info,[{headers}]=off,[{request}]=off', 'info'],
    ['warn,[a,b]=loud', undefined],
    ['=info', undefined],
    ['info;debug', undefined],
  ])('%j as a filter is %s', (text, level) => {
    expect(parseLogFilter(text)).toBe(level);
  });
});

test('records go to stderr and are not lost at exit', () => {
  const source = new URL('./create-logger.ts', import.meta.url).pathname;
  const script = `import { createLogger } from ${JSON.stringify(source)}; createLogger({ level: 'info', format: 'json', name: 'n' }).log('info', 'last words'); process.exit(3);`;
  const result = spawnSync(process.execPath, ['--conditions=weft-source', '--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([result.status, result.stdout]).toEqual([3, '']);
  expect(result.stderr).toContain('"message":"last words"');
});
