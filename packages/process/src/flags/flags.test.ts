import { describe, expect, test } from 'vitest';
import {
  boolFlag,
  customFlag,
  dnsNameFlag,
  durationFlag,
  floatFlag,
  intFlag,
  listFlag,
  logFilterFlag,
  logLevelFlag,
  oneOfFlag,
  portSetFlag,
  stringFlag,
} from './flag.ts';
import { boundAddress, formatListenAddress, listenFlag, parseListenAddress } from './listen-address.ts';
import { parseFlags, renderUsage } from './parse-flags.ts';

const spec = {
  addr: listenFlag({ default: { port: 8086 }, help: 'address to serve on' }),
  'log-level': oneOfFlag({ values: ['info', 'debug'], default: 'info', help: 'how much to log' }),
  'enable-ipv6': boolFlag({ default: true, help: 'use IPv6' }),
  quiet: boolFlag({ default: false, help: 'say nothing' }),
  lifetime: durationFlag({ default: 86_400_000, help: 'of certificates' }),
  port: intFlag({ default: -1, min: 0, max: 65535, help: 'port', short: 'p' }),
  ratio: floatFlag({ default: 0.2, help: 'ratio' }),
  ports: portSetFlag({ default: [], help: 'ports' }),
  skip: listFlag({ default: ['x'], help: 'skipped', short: 's' }),
  name: stringFlag({ default: '', help: 'name' }),
};
const values = (...argv: string[]): Record<string, unknown> => {
  const result = parseFlags(spec, argv);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
  return result.values;
};
const errors = (...argv: string[]): readonly string[] => {
  const result = parseFlags(spec, argv);
  if (result.kind !== 'errors') throw new Error(JSON.stringify(result));
  return result.errors;
};

describe('values', () => {
  test('have their defaults', () => {
    expect(values()).toEqual({
      addr: { port: 8086 },
      'log-level': 'info',
      'enable-ipv6': true,
      quiet: false,
      lifetime: 86_400_000,
      port: -1,
      ratio: 0.2,
      ports: [],
      skip: ['x'],
      name: '',
    });
  });

  test('are given with one dash or two, with = or as the next word', () => {
    for (const argv of [['-name=a'], ['--name=a'], ['-name', 'a'], ['--name', 'a']]) expect(values(...argv)).toMatchObject({ name: 'a' });
    expect(values('--name=')).toMatchObject({ name: '' });
    expect(values('--name', '--quiet')).toMatchObject({ name: '--quiet', quiet: false });
    expect(values('--name=a=b', '-name=c')).toMatchObject({ name: 'c' });
  });

  test('of bool flags need no word of their own and never take one', () => {
    expect(values('-quiet', '-enable-ipv6=false')).toMatchObject({ quiet: true, 'enable-ipv6': false });
    expect(values('--quiet=T')).toMatchObject({ quiet: true });
    expect(errors('--quiet', 'false')).toEqual(['unexpected argument: "false"']);
    expect(errors('--quiet=yes')).toEqual(['invalid value "yes" for flag -quiet: not true or false']);
  });

  test('are typed', () => {
    expect(values('-lifetime=1h30m', '-p', '80', '-ratio=.5', '-ports=80,1-3', '-addr=[::1]:9', '-log-level=debug')).toMatchObject({
      lifetime: 5_400_000,
      port: 80,
      ratio: 0.5,
      ports: [
        { first: 1, last: 3 },
        { first: 80, last: 80 },
      ],
      addr: { host: '::1', port: 9 },
      'log-level': 'debug',
    });
  });

  test('of lists add up, replacing the default', () => {
    expect(values('--skip=a, b', '-s', 'c')).toMatchObject({ skip: ['a', 'b', 'c'] });
    expect(values('--skip=')).toMatchObject({ skip: [] });
  });

  test('know which were given', () => {
    const result = parseFlags(spec, ['-port=1']);
    expect(result.kind === 'ok' && [...result.given]).toEqual(['port']);
  });
});

test('every error is reported at once', () => {
  expect(
    errors('--port=x', '--nope', '-port=70000', '--ratio=1,5', '-addr=web', '-ports=9-1', '-lifetime=10', '--log-level=loud', '---x', '-=', 'stray', '-name'),
  ).toEqual([
    'invalid value "x" for flag -port: not a whole number',
    'unknown flag: -nope',
    'invalid value "70000" for flag -port: not between 0 and 65535',
    'invalid value "1,5" for flag -ratio: not a number',
    'invalid value "web" for flag -addr: not an address such as :8086 or 127.0.0.1:8086',
    'invalid value "9-1" for flag -ports: not a list of ports and port ranges',
    'invalid value "10" for flag -lifetime: not a duration such as 10s or 1h30m',
    'invalid value "loud" for flag -log-level: not one of info, debug',
    'bad flag syntax: ---x',
    'bad flag syntax: -=',
    'flag -name needs a value',
    'unexpected argument: "stray"',
  ]);
  expect(errors('--p=1', '-constructor')).toEqual(['unknown flag: -p', 'unknown flag: -constructor']);
});

test('words and everything behind -- are kept where they are expected', () => {
  const result = parseFlags(spec, ['run', '--quiet', '-', '--', '--port=x'], { positional: true });
  expect(result).toMatchObject({ kind: 'ok', positional: ['run', '-', '--port=x'], values: { quiet: true } });
});

test('help and version win over errors', () => {
  for (const word of ['-h', '-help', '--help']) expect(parseFlags(spec, ['--nope', word])).toEqual({ kind: 'help' });
  for (const word of ['-version', '--version']) expect(parseFlags(spec, [word])).toEqual({ kind: 'version' });
  const own = { version: customFlag({ default: '', placeholder: 'v', help: 'own', parse: (text) => ({ ok: true, value: text }) as const }) };
  expect(parseFlags(own, ['--version=2'])).toMatchObject({ kind: 'ok', values: { version: '2' } });
});

test('names and log levels are checked with all other flags', () => {
  const own = {
    domain: dnsNameFlag({ default: 'cluster.local', help: 'domain' }),
    level: logLevelFlag({ default: 'info', help: 'level' }),
    filter: logFilterFlag({ default: 'info', defaultText: 'linkerd=info,warn', help: 'filter' }),
  };
  expect(parseFlags(own, ['-domain=a.b', '-level=panic', '-filter=warn,linkerd=debug'])).toMatchObject({
    values: { domain: 'a.b', level: 'error', filter: 'debug' },
  });
  expect(parseFlags(own, ['-domain='])).toMatchObject({ values: { domain: 'cluster.local' } });
  expect(parseFlags(own, ['-domain=a..b', '-level=loud', '-filter=a=b=c'])).toMatchObject({ kind: 'errors', errors: { length: 3 } });
});

test('the usage lists every flag with its default', () => {
  const text = renderUsage(spec, { name: 'weft-x', description: 'Does x.', arguments: 'FILE' });
  expect(text.startsWith('Usage: weft-x [flags] FILE\n\nDoes x.\n\nFlags:\n  --addr address\n        address to serve on (default :8086)\n')).toBe(true);
  expect(text).toContain('  -p, --port int\n');
  expect(text).toContain('  --help\n');
  for (const name of Object.keys(spec)) expect(text).toContain(`--${name}`);
});

describe('listen addresses', () => {
  test.each([
    [':8086', { port: 8086 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::]:80', { host: '::', port: 80 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
  ])('%s is read and written', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(formatListenAddress(address)).toBe(text);
  });

  test.each(['', '80', ':', 'web:80', '::1:80', '[127.0.0.1]:80', ':65536', '[]:80'])('%j is none', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });

  test('of every interface are reached on loopback', () => {
    expect(boundAddress({ address: '::', port: 1 })).toEqual({ ip: '127.0.0.1', port: 1 });
    expect(boundAddress({ address: '::1', port: 1 })).toEqual({ ip: '::1', port: 1 });
  });
});
