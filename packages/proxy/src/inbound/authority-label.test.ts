import { manualClock } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { BoundedNames } from '../observe/bounded-names.ts';
import { AuthorityLabel } from './authority-label.ts';

function labelOf(authority: string | undefined, canonical?: string): string | undefined {
  const headers = canonical === undefined ? [] : ['l5d-dst-canonical', canonical];
  const request: RequestHead = { method: 'GET', version: '1.1', form: 'origin', path: '/', scheme: undefined, authority, headers, upgrade: false };
  return new AuthorityLabel(new BoundedNames({ retainIdleMs: 1_000, clock: manualClock() })).of(request);
}

test.each([
  ['web', undefined, 'web'],
  ['Web.Example.:80', undefined, 'web.example'],
  ['web:8080', undefined, 'web:8080'],
  ['web', 'web.ns.svc.cluster.local:7777', 'web.ns.svc.cluster.local:7777'],
  ['web', 'web.ns.svc.cluster.local:80', 'web.ns.svc.cluster.local'],
  // What is resolved has a port, and is a name.
  ['web', 'no-port', 'web'],
  ['web', '10.0.0.1:80', 'web'],
  ['10.0.0.1:80', undefined, undefined],
  ['[fd00::1]', undefined, undefined],
  ['two words', undefined, undefined],
  ['', undefined, undefined],
  [undefined, undefined, undefined],
])('a request for %s, resolved as %s, is labelled %s', (authority, canonical, label) => {
  expect(labelOf(authority, canonical)).toBe(label);
});
