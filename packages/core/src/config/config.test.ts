import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration, parseGoDuration } from './duration.ts';
import { formatPortSet, parsePortRange, parsePortSet, portList, portSet, portSetHas, portsOf } from './port-set.ts';

describe('durations', () => {
  test.each([
    ['0', 0],
    ['100ms', 100],
    ['10s', 10_000],
    [' 3m ', 180_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '1', '1.5s', '-1s', '+1s', '1 s', '1S', '1us', '1s1ms', 's', '99999999999999999999d'])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('read back as what was written', () => {
    fc.assert(fc.property(fc.nat(), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect([formatDuration(90_000), formatDuration(86_400_000), formatDuration(1.9)]).toEqual(['90s', '1d', '1ms']);
  });

  test.each([
    ['0', 0],
    ['+0', 0],
    ['24h0m0s', 86_400_000],
    ['1m30s', 90_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['-20s', -20_000],
    ['6s5ms', 6005],
    ['10us', 0.01],
    ['10µs', 0.01],
  ])('%j in Go is %d ms', (text, ms) => {
    expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
  });

  test.each(['', '-', '6000', '1', '1d', '.s', '1s ', ' 1s', '1s1', '--1s', '1e3s', '9999999h'])('%j is no Go duration', (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });
});

describe('port sets', () => {
  test.each([
    ['', ''],
    [' , ,', ''],
    ['80', '80'],
    ['443, 80 ,1000-2000', '80,443,1000-2000'],
    ['1-3,4,2-10,12', '1-10,12'],
    ['0-65535', '0-65535'],
  ])('%j is %j', (text, normal) => {
    expect(formatPortSet(parsePortSet(text) ?? [])).toBe(normal);
  });

  test.each(['a', '90-80', '65536', '80-', '-80', '1-2-3', '80;81', '80 81'])('%j is none', (text) => {
    expect(parsePortSet(text)).toBeUndefined();
  });

  test('hold exactly the ports of their ranges', () => {
    const range = fc.tuple(fc.nat(300), fc.nat(20)).map(([first, more]) => ({ first, last: first + more }));
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        const set = portSet(ranges);
        const ports = new Set(ranges.flatMap((r) => Array.from({ length: r.last - r.first + 1 }, (_, i) => r.first + i)));
        expect([...portsOf(set)]).toEqual([...ports].sort((a, b) => a - b));
        for (let port = 0; port < 330; port++) expect(portSetHas(set, port)).toBe(ports.has(port));
        expect(parsePortSet(formatPortSet(set))).toEqual(set);
      }),
    );
  });

  test('of annotations know names and leave out what is none', () => {
    const names: Record<string, number> = { http: 8080, '9': 99 };
    expect(formatPortSet(portList('http, 9 ,x,70000,3-2,1-2,', (name) => names[name]))).toBe('1-2,99,8080');
  });

  test('read one range', () => {
    expect([parsePortRange(' 1-2 '), parsePortRange('7'), parsePortRange('')]).toEqual([{ first: 1, last: 2 }, { first: 7, last: 7 }, undefined]);
  });
});
