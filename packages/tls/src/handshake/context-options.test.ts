import { expect, test } from 'vitest';
import { contextOptions, keyExchangeGroups } from './context-options.ts';

test('the post-quantum hybrid is offered where OpenSSL has it', () => {
  expect(keyExchangeGroups('3.0.19')).toBe('X25519:P-256:P-384');
  for (const version of ['3.5.0', '3.12.1', '4.0.0']) expect(keyExchangeGroups(version)).toBe('X25519MLKEM768:X25519:P-256:P-384');
});

test('no anchors is an error, for Node would trust the web instead', () => {
  expect(() => contextOptions({ anchors: [] })).toThrow('no trust anchors');
});
