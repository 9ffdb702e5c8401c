// Prometheus text exposition: refused with ExpositionError only; the samples, printed, read back equal.
import { ExpositionError, parseExposition, type Sample } from '@weft/core';
import { sameData } from '../same-data.ts';
import { attempt, type FuzzTarget, hold, kindOf, texts } from '../target.ts';

const exposition: FuzzTarget = {
  name: 'exposition',
  tokens: [
    '# TYPE ',
    '# HELP ',
    ' counter',
    'histogram',
    '{',
    '}',
    '=',
    '"',
    '\\',
    '\\n',
    ',',
    '\n',
    '+Inf',
    'NaN',
    '-1e308',
    '1e999',
    '__proto__',
    'le="',
    '_bucket',
    ' 1700000000000',
  ],
  seeds: () =>
    texts(
      '# HELP a b\n# TYPE a counter\na{x="1",y="\\"\\\\\\n"} 1\na 2 1700000000000\n',
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n',
      'nan NaN\ninf -Inf\n',
    ),
  run(input) {
    const result = attempt(() => parseExposition(input.toString('utf8'), { maxSamples: 1000 }), ExpositionError);
    if ('error' in result) return kindOf(result.error);
    const { value } = result;
    hold(sameData(parseExposition(value.map(line).join('')), value), 'the samples read back differently');
    return `${Math.min(value.length, 5)} ${value.some((sample) => sample.timestampMs !== undefined)}`;
  },
};

function line({ name, labels, value, timestampMs }: Sample): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`);
  const number = Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
  return `${name}{${pairs.join(',')}} ${number}${timestampMs === undefined ? '' : ` ${BigInt(timestampMs)}`}\n`;
}

export const expositionTargets = [exposition];
