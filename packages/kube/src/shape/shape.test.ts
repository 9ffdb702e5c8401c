import { expect, test } from 'vitest';
import { anyNumber, checked, either, every, ip, listOf, mapOf, nullable, optional, port, record, text, unfitText } from './shape.ts';

const service = record({
  spec: record({
    type: optional(text),
    selector: nullable(mapOf(text)),
    ports: nullable(listOf(record({ port, targetPort: optional(either('a number or a name', anyNumber, text)) }))),
    ips: optional(listOf(ip, { min: 1 })),
  }),
});

const said = (value: unknown): string | undefined => {
  const found = service(value);
  return found && unfitText(found);
};

test.each<[unknown, string | undefined]>([
  [{ spec: {} }, undefined],
  [{ spec: { ports: null, selector: { app: 'web' }, more: 7 } }, undefined],
  [{ spec: { ports: [{ port: 80, targetPort: 'http' }], ips: ['fd00::1'] } }, undefined],
  [null, 'null is not an object'],
  [{}, 'spec: is missing'],
  [{ spec: [] }, 'spec: [] is not an object'],
  [{ spec: { type: null } }, 'spec.type: null is not text'],
  [{ spec: { selector: { app: 7 } } }, 'spec.selector.app: 7 is not text'],
  [{ spec: { ports: {} } }, 'spec.ports: {} is not a list'],
  [{ spec: { ports: [{ port: 80 }, 'http'] } }, 'spec.ports[1]: "http" is not an object'],
  [{ spec: { ports: [{ port: 'eighty' }] } }, 'spec.ports[0].port: "eighty" is not a port'],
  [{ spec: { ports: [{ port: 65_536 }] } }, 'spec.ports[0].port: 65536 is not a port'],
  [{ spec: { ports: [{ port: 80, targetPort: [] }] } }, 'spec.ports[0].targetPort: [] is not a number or a name'],
  [{ spec: { ips: [] } }, 'spec.ips: is empty'],
  [{ spec: { ips: ['10.0.0.1', 'web'] } }, 'spec.ips[1]: "web" is not an IP address'],
])('of %j it is said: %s', (value, expected) => {
  expect(said(value)).toBe(expected);
});

test('a value is shown in part where it is long', () => {
  expect(said({ spec: { type: ['x'.repeat(1000)] } })?.length).toBeLessThan(120);
});

test('checks in turn stop at the first that finds something', () => {
  const called: string[] = [];
  const note = (name: string, fits: boolean) => checked(name, () => (called.push(name), fits));
  expect(every(note('a', true), note('b', false), note('c', true))('x')).toEqual({ field: '', problem: '"x" is not b' });
  expect(called).toEqual(['a', 'b']);
});
