import { reason } from '@weft/core';
import { expect, test } from 'vitest';
import { describeMembers } from './describe-members.ts';
import type { MemberState, MemberStatus } from './pool-member.ts';

const member = (n: number, state: MemberState, lastError?: MemberStatus['lastError']): { readonly status: MemberStatus } => ({
  status: { address: `10.0.0.${n}:80`, state, lastError, since: 0 },
});

test('one is named with its state and last error', () => {
  expect(describeMembers([member(1, 'connecting')])).toBe('1 endpoint, 1 connecting: 10.0.0.1:80 (connecting)');
  expect(describeMembers([member(1, 'connecting', reason('CONNECT_TIMEOUT', 'after 1 ms'))])).toMatch(
    /^1 endpoint, 1 connecting: 10\.0\.0\.1:80 \(connecting, CONNECT_TIMEOUT: .*after 1 ms\)$/,
  );
});

test('of many each state is counted, and one of each kind is named before another of the same', () => {
  const refused = reason('CONNECT_REFUSED');
  const members = [
    ...[1, 2, 3, 4, 5, 6].map((n) => member(n, 'connecting', refused)),
    member(7, 'connecting', reason('CONNECT_TIMEOUT')),
    member(8, 'shut', reason('EJECTED_CONSECUTIVE_FAILURES')),
  ];
  const text = describeMembers(members);
  expect(text).toMatch(/^8 endpoints, 7 connecting, 1 shut: /);
  expect(text.match(/10\.0\.0\.\d/g)).toEqual(['10.0.0.1', '10.0.0.7', '10.0.0.8', '10.0.0.2', '10.0.0.3']);
  expect(text).toMatch(/, and 3 more$/);
});
