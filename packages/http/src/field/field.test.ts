import { expect, test } from 'vitest';
import { Field } from './field.ts';
import { FieldKind, isPseudo } from './kind.ts';

test('knows the names that HTTP itself uses', () => {
  expect(new Field(':path', '/').kind).toBe(FieldKind.path);
  expect(new Field('transfer-encoding', 'chunked').kind).toBe(FieldKind.transferEncoding);
  expect(new Field('x-a', 'b').kind).toBe(FieldKind.other);
  expect(isPseudo(FieldKind.status)).toBe(true);
  expect(isPseudo(FieldKind.host)).toBe(false);
  expect(isPseudo(FieldKind.other)).toBe(false);
});

test.each([
  ['x-a', 'plain', null],
  ['x-a', '', null],
  ['x-a', 'tab\tand \xe9', null],
  ['x-a', ' led', 'value'],
  ['x-a', 'trailed\t', 'value'],
  ['x-a', 'a\rb', 'value'],
  ['x-a', 'a\nb', 'value'],
  ['x-a', 'a\0b', 'value'],
  ['x-a', 'a\x7fb', 'value'],
  ['', 'v', 'name'],
  ['X-A', 'v', 'name'],
  ['x a', 'v', 'name'],
  ['x:a', 'v', 'name'],
  ['x\xe9', 'v', 'name'],
  [':unknown', 'v', 'name'],
  [':', 'v', 'name'],
  [':method', 'GET', null],
  [':method', 'GE T', 'value'],
  [':path', '/a?b', null],
  [':path', '*', null],
  [':path', '', 'value'],
  [':path', 'a', 'value'],
  [':path', '/a b', 'value'],
  [':scheme', 'https', null],
  [':scheme', '1', 'value'],
  [':authority', '[::1]:80', null],
  [':authority', 'user@host', 'value'],
  [':authority', 'a/b', 'value'],
  [':status', '200', null],
  [':status', '20', 'value'],
  [':status', '+20', 'value'],
  ['content-length', '0', null],
  ['content-length', '+1', 'value'],
  ['content-length', '1, 1', 'value'],
  ['content-length', '', 'value'],
  ['host', 'a.b:1', null],
  ['host', 'a b', 'value'],
])('judges %j: %j', (name, value, fault) => {
  expect(new Field(name, value).fault).toBe(fault);
});

test('marks credentials as never indexed', () => {
  expect(new Field('authorization', 'Bearer x').neverIndexed).toBe(true);
  expect(new Field('proxy-authorization', 'Basic x').neverIndexed).toBe(true);
  expect(new Field('cookie', 'short=1').neverIndexed).toBe(true);
  expect(new Field('cookie', 'a-long-enough-cookie=1').neverIndexed).toBe(false);
  expect(new Field('x-a', 'v', true).neverIndexed).toBe(true);
});

test('writes its HTTP/1 line', () => {
  expect(new Field('x-a', 'v').line).toBe('x-a: v\r\n');
});
