// The table of settings in the README says what there is.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { proxyConfig } from './config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Setting → default as it is written. A row may name several, in the order of their defaults. */
const documented = new Map(
  [...readme.matchAll(/^\| (`[a-zA-Z0-9.`, ]+`) +\| ([^|]+?) +\|/gm)].flatMap(([, names = '', defaults = '']) => {
    const values = defaults.split(', ');
    return names.split(', ').map((name, index) => [name.replaceAll('`', ''), values[index] ?? defaults] as const);
  }),
);

const settings = Object.entries(proxyConfig()).flatMap(([side, value]) =>
  typeof value === 'object'
    ? Object.entries(value).map(([name, inner]) => [`${side}.${name}`, inner as unknown] as const)
    : [[side, value as unknown] as const],
);

test('every setting is in the table', () => {
  expect(settings.map(([name]) => name).filter((name) => !documented.has(name))).toEqual([]);
});

test('its plain defaults are those of the code', () => {
  const plain = settings.filter(([, value]) => typeof value !== 'object');
  expect(Object.fromEntries(plain.map(([name]) => [name, documented.get(name)]))).toEqual(
    Object.fromEntries(plain.map(([name, value]) => [name, String(value)])),
  );
});
