import { expect, test } from 'vitest';
import { rewriteWord } from './rewrite.ts';

const rewriting = {
  ports: new Map([
    [8080, 20001],
    [80, 20002],
  ]),
  paths: new Map([
    ['/var/run/secrets', '/tmp/a'],
    ['/var/run/secrets/tokens', '/tmp/b'],
  ]),
  services: new Map([['web-svc.shop:80', '127.0.0.1:20003']]),
};

test.each([
  ['8080', '20001'],
  ['--port=8080', '--port=20001'],
  [':8080', '127.0.0.1:20001'],
  ['-addr=:8080', '-addr=127.0.0.1:20001'],
  ['0.0.0.0:8080', '127.0.0.1:20001'],
  ['--listen=[::]:8080', '--listen=127.0.0.1:20001'],
  ['*:8080', '127.0.0.1:20001'],
  ['[::1]:8080', '[::1]:20001'],
  ['http://localhost:8080/path', 'http://localhost:20001/path'],
  ['localhost.:8080', 'localhost.:20001'],
  ['http://web-svc.shop:80/', 'http://127.0.0.1:20003/'],
  ['web-svc.shop.:80', '127.0.0.1:20003'],
])('%s becomes %s', (word, expected) => {
  expect(rewriteWord(word, rewriting)).toBe(expected);
});

test.each(['80801', 'v8080', '1.2.3.8080', 'example.com:8080', ':80.5', '9090', '12:34:8080x'])('%s is left alone', (word) => {
  expect(rewriteWord(word, rewriting)).toBe(word);
});

test.each([
  ['/var/run/secrets/tokens/x', '/tmp/b/x'],
  ['--file=/var/run/secrets/y', '--file=/tmp/a/y'],
  ['/var/run/secretsX', '/var/run/secretsX'],
  ['/other/var/run/secrets', '/other/var/run/secrets'],
])('of mount paths %s becomes %s', (word, expected) => {
  expect(rewriteWord(word, rewriting)).toBe(expected);
});
