// Small values in environments, annotations and flags: durations, port sets, log filters, whole command lines.
import { formatDuration, formatPortSet, parseDuration, parseGoDuration, parsePortSet, portSetHas } from '@weft/core';
import {
  boolFlag,
  durationFlag,
  floatFlag,
  formatListenAddress,
  intFlag,
  listenFlag,
  listFlag,
  oneOfFlag,
  parseFlags,
  parseListenAddress,
  parseLogFilter,
  portSetFlag,
  stringFlag,
} from '@weft/process';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, texts } from '../target.ts';

const duration: FuzzTarget = {
  name: 'duration',
  tokens: ['ms', 's', 'm', 'h', 'd', 'ns', 'us', 'µs', '.', '-', '+', '0', '9007199254740991', '99999999999999999999', ' '],
  seeds: () => texts('10s', '100ms', '1d', '0', '1h30m', '1.5s', '-2m', '.5us'),
  run(input) {
    const text = input.toString('utf8');
    const ms = parseDuration(text);
    hold(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0), `is ${ms}`);
    hold(ms === undefined || parseDuration(formatDuration(ms)) === ms, 'it reads back differently');
    const go = parseGoDuration(text);
    hold(go === undefined || Number.isFinite(go), `is ${go}`);
    return `${ms === undefined} ${go === undefined} ${(go ?? 0) < 0}`;
  },
};

const portSet: FuzzTarget = {
  name: 'port-set',
  tokens: [',', '-', '0', '65535', '65536', ' ', '80', '1000-2000'],
  seeds: () => texts('80,443,1000-2000', '0-65535', ' 80 , , 443 '),
  run(input) {
    const set = parsePortSet(input.toString('utf8'));
    if (!set) return 'none';
    hold(sameData(parsePortSet(formatPortSet(set)), set), 'it reads back differently');
    for (const [index, range] of set.entries()) {
      const next = set[index + 1];
      hold(range.first <= range.last && range.last <= 65535 && (!next || next.first > range.last + 1), 'the ranges are not in order');
      hold(portSetHas(set, range.first) && !portSetHas(set, range.last + 1), 'an end of a range is not where it should be');
    }
    return `${Math.min(set.length, 4)}`;
  },
};

const logFilter: FuzzTarget = {
  name: 'log-filter',
  tokens: [',', '=', 'warn', 'linkerd', 'off', 'trace', '[span]', '::'],
  seeds: () => texts('warn,linkerd=info,hickory=error', 'debug', 'linkerd2_proxy=trace'),
  run: (input) => String(parseLogFilter(input.toString('utf8'))),
};

const SPEC = {
  addr: listenFlag({ default: { port: 8086 }, help: 'where' }),
  name: stringFlag({ default: '', help: 'text', short: 'n' }),
  on: boolFlag({ default: false, help: 'switch' }),
  count: intFlag({ default: 1, help: 'number', min: 0, max: 100 }),
  ratio: floatFlag({ default: 0.5, help: 'number' }),
  wait: durationFlag({ default: 1000, help: 'time' }),
  mode: oneOfFlag({ default: 'a', values: ['a', 'b'], help: 'choice' }),
  ports: portSetFlag({ default: [], help: 'ports' }),
  items: listFlag({ default: [], help: 'list' }),
};

const flags: FuzzTarget = {
  name: 'flags',
  tokens: [
    '\n',
    '-',
    '--',
    '=',
    '-addr',
    '--name=',
    '-on',
    '-on=false',
    '--count',
    '-ratio',
    '--wait=1m',
    '-mode=b',
    '-ports',
    '--items',
    '-h',
    '--version',
    '__proto__',
    'constructor',
  ],
  seeds: () => texts('-addr\n:80\n--name=x\n-on\n-count=5\n--ratio\n1e3\n-wait=1h\n-mode\nb\n-ports=1-2\n-items=a,b\n-items\nc', '--help', '-n\nx\n--\ny'),
  run(input) {
    const argv = input.toString('utf8').split('\n');
    const result = parseFlags(SPEC, argv);
    const address = parseListenAddress(argv[0] ?? '');
    hold(!address || sameData(parseListenAddress(formatListenAddress(address)), address), 'the address reads back differently');
    if (result.kind === 'errors') {
      hold(result.errors.length > 0, 'errors without an error');
      return `errors ${Math.min(result.errors.length, 3)}`;
    }
    if (result.kind !== 'ok') return result.kind;
    const { count, ratio, wait, mode } = result.values;
    hold(Number.isInteger(count) && count >= 0 && count <= 100, `count is ${count}`);
    hold(!Number.isNaN(ratio) && Number.isFinite(wait) && (mode === 'a' || mode === 'b'), 'a value is of the wrong kind');
    return `ok ${[...result.given].sort().join(' ')}`;
  },
};

export const settingTargets = [duration, portSet, logFilter, flags];
