import { expect, test } from 'vitest';
import { candidateNames, parseResolvConf } from './resolv-conf.ts';

test('is read as the system reads it', () => {
  expect(
    parseResolvConf(
      '# comment\nnameserver 10.43.0.10\nnameserver fe80::1%eth0\nnameserver x\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5 timeout:2 attempts:9 rotate',
    ),
  ).toEqual({
    servers: [
      { ip: '10.43.0.10', port: 53 },
      { ip: 'fe80::1', port: 53 },
    ],
    search: ['a.svc.cluster.local', 'svc.cluster.local'],
    ndots: 5,
    timeoutMs: 2_000,
    attempts: 5,
  });
  expect(parseResolvConf('').servers).toEqual([{ ip: '127.0.0.1', port: 53 }]);
});

test('says which names are asked for', () => {
  const conf = { search: ['ns.svc', 'svc.'], ndots: 2 };
  expect(candidateNames('web.ns.', conf)).toEqual(['web.ns']);
  expect(candidateNames('web', conf)).toEqual(['web.ns.svc', 'web.svc', 'web']);
  expect(candidateNames('web.ns.svc', conf)).toEqual(['web.ns.svc', 'web.ns.svc.ns.svc', 'web.ns.svc.svc']);
});
