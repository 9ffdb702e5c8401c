import { parsePortSet } from '@weft/core';
import { expect, test } from 'vitest';
import { eagerPorts } from './eager-ports.ts';

const of = (text: string, most?: number) => eagerPorts(parsePortSet(text) ?? [], most);

test('a few ports are all watched from the start', () => {
  expect(of('8080,4191,9000-9002')).toEqual({ ports: [4191, 8080, 9000, 9001, 9002], left: 0 });
  expect(of('')).toEqual({ ports: [], left: 0 });
});

test('a range of everything opens no stream, and single ports beside long ranges still do', () => {
  expect(of('1-65535')).toEqual({ ports: [], left: 65_535 });
  expect(of('80,1000-60000,65000-65001')).toEqual({ ports: [80, 65_000, 65_001], left: 59_001 });
});

test('the limit is exact', () => {
  expect(of('1-3,10', 4)).toEqual({ ports: [1, 2, 3, 10], left: 0 });
  expect(of('1-4,10', 4)).toEqual({ ports: [10], left: 4 });
});
