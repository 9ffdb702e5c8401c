import { expect, test } from 'vitest';
import { type Candidate, describe, localityOf } from '../endpoints/candidate.ts';
import { type EndpointFilter, filterCandidates } from './filter.ts';

const pods = new Map<string, object>();
/** `name` of a pod at an address; all candidates of one name are addresses of one pod. */
function candidate(name: string, ip: string, more: Partial<Candidate> = {}): Candidate {
  const workload = pods.get(name) ?? { name };
  pods.set(name, workload);
  const endpoint = { address: { ip, port: 80 }, weight: 1, labels: {}, hint: 'none' as const };
  return {
    key: `${ip}:80`,
    family: ip.includes(':') ? 6 : 4,
    hostname: name,
    zone: '',
    hints: [],
    workload: workload as Candidate['workload'],
    nodeName: 'n1',
    description: describe(endpoint, { zoneWeights: false }),
    basis: [],
    ...more,
  };
}
const filter = (more: Partial<EndpointFilter> = {}): EndpointFilter => ({ hostname: undefined, byPlace: true, nodeName: 'n1', zone: 'a', ...more });
const keys = (all: readonly Candidate[], by: EndpointFilter, placement = { nodeLocal: false, ipv6: true }): readonly string[] =>
  filterCandidates(all, by, placement).map(({ key }) => key);

const hinted = [candidate('one', '10.0.0.1', { hints: ['a'] }), candidate('two', '10.0.0.2', { hints: ['b', 'c'] })];

test.each([
  ['the zone of the client', 'a', ['10.0.0.1:80']],
  ['one of several', 'c', ['10.0.0.2:80']],
  ['none, where all stay', 'x', ['10.0.0.1:80', '10.0.0.2:80']],
  ['that of a client whose zone is not known, where all stay', undefined, ['10.0.0.1:80', '10.0.0.2:80']],
])('hints leave %s', (_what, zone, left) => {
  expect(keys(hinted, filter({ zone }))).toEqual(left);
});

test('hints do not count where one endpoint has none, nor for endpoints of another cluster', () => {
  expect(keys([...hinted, candidate('three', '10.0.0.3')], filter())).toHaveLength(3);
  expect(keys(hinted, filter({ byPlace: false }))).toHaveLength(2);
});

test('the local traffic policy leaves pods of the node, whatever the hints; a client without node gets none', () => {
  const nodeLocal = { nodeLocal: true, ipv6: true };
  const all = [
    candidate('here', '10.0.0.1', { hints: ['b'] }),
    candidate('there', '10.0.0.2', { nodeName: 'n2' }),
    candidate('no-pod', '10.0.0.3', { nodeName: undefined }),
  ];
  expect(keys(all, filter(), nodeLocal)).toEqual(['10.0.0.1:80']);
  expect(keys(all, filter({ nodeName: '' }), nodeLocal)).toEqual([]);
  expect(keys(all, filter({ byPlace: false }), nodeLocal)).toHaveLength(3);
});

test('of a workload with both families the IPv6 address stays, where it is left by what comes before', () => {
  const all = [
    candidate('one', '10.0.0.1', { hints: ['a'] }),
    candidate('one', 'fd00::1', { hints: ['b'] }),
    candidate('bare', '10.0.0.9', { workload: undefined, hints: ['b'] }),
  ];
  expect(keys(all, filter({ zone: undefined }))).toEqual(['fd00::1:80', '10.0.0.9:80']);
  expect(keys(all, filter({ zone: 'a' }))).toEqual(['10.0.0.1:80']);
  expect(keys(all, filter({ zone: undefined }), { nodeLocal: false, ipv6: false })).toEqual(['10.0.0.1:80', '10.0.0.9:80']);
});

test('a host name leaves the one endpoint, in other clusters too', () => {
  expect(keys(hinted, filter({ hostname: 'two', zone: 'b' }))).toEqual(['10.0.0.2:80']);
  expect(keys(hinted, filter({ hostname: 'two', byPlace: false }))).toEqual(['10.0.0.2:80']);
});

test('a description gives the same object for the same locality, with the weight that it has', () => {
  const endpoint = { address: { ip: '10.0.0.1', port: 80 }, weight: 10, labels: { pod: 'x' }, hint: 'none' as const };
  const weighted = describe(endpoint, { zoneWeights: true });
  expect(weighted.at('local')).toBe(weighted.at('local'));
  expect([weighted.at('local').weight, weighted.at('remote').weight, weighted.at('remote').labels]).toEqual([100, 10, { pod: 'x', zone_locality: 'remote' }]);
  expect([localityOf('a', 'a'), localityOf('a', 'b'), localityOf('', 'b'), localityOf('a', undefined)]).toEqual(['local', 'remote', 'unknown', 'unknown']);
});
