import type { EndpointSlice, ExternalWorkload, Service } from '@weft/kube';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { desiredEndpoints } from './desired-endpoints.ts';
import { MANAGED_BY_LABEL, MANAGER, planSlices, type SlicePlan } from './slice-plan.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'vms', namespace: 'shop', uid: 'service-uid' },
  spec: { selector: { app: 'vm' }, ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] },
};
const workload = (index: number, port = 8080): ExternalWorkload => ({
  apiVersion: 'workload.linkerd.io/v1beta1',
  kind: 'ExternalWorkload',
  metadata: { name: `vm-${index}`, namespace: 'shop', uid: `uid-${index}`, labels: { app: 'vm' } },
  spec: { meshTLS: { identity: 'x', serverName: 'x' }, ports: [{ name: 'http', port }], workloadIPs: [{ ip: `10.0.${index >> 8}.${index & 255}` }] },
});

let names = 0;
/** The slices after the writes of a plan. */
function applied(existing: readonly EndpointSlice[], { create, update, remove }: SlicePlan): readonly EndpointSlice[] {
  const gone = new Set([...remove, ...update].map(({ metadata }) => metadata.name));
  const created = create.map(
    (draft) => ({ ...draft, apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...draft.metadata, name: `s-${++names}` } }) as EndpointSlice,
  );
  return [...existing.filter(({ metadata }) => !gone.has(metadata.name)), ...update, ...created];
}
const plan = (workloads: readonly ExternalWorkload[], existing: readonly EndpointSlice[], of = service) =>
  planSlices(of, desiredEndpoints(of, workloads), existing);
const writes = ({ create, update, remove }: SlicePlan): readonly number[] => [create.length, update.length, remove.length];
const namesIn = (slices: readonly EndpointSlice[]): readonly string[] =>
  slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.name ?? '')).sort();
const range = (from: number, to: number): readonly ExternalWorkload[] => Array.from({ length: to - from }, (_, index) => workload(from + index));

test('whatever came before, the plan leads to exactly what is wanted, in slices of at most a hundred, and then rests', () => {
  const set = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 260 });
  fc.assert(
    fc.property(fc.array(set, { minLength: 1, maxLength: 4 }), (rounds) => {
      let slices: readonly EndpointSlice[] = [];
      for (const round of rounds) {
        const wanted = round.map((index) => workload(index, index % 7 === 0 ? 9090 : 8080));
        slices = applied(slices, plan(wanted, slices));
        expect(namesIn(slices)).toEqual(wanted.map(({ metadata }) => metadata.name).sort());
        for (const { endpoints } of slices) expect(endpoints.length).toBeLessThanOrEqual(100);
        expect(writes(plan(wanted, slices))).toEqual([0, 0, 0]);
      }
    }),
    { numRuns: 40, seed: 1 },
  );
});

test('one that leaves and one that comes are one write; many that come leave a slice alone that cannot take them all', () => {
  const slices = applied([], plan(range(0, 90), []));
  expect(writes(plan([...range(1, 90), workload(200)], slices))).toEqual([0, 1, 0]);
  expect(writes(plan(range(0, 120), slices))).toEqual([1, 0, 0]);
  expect(writes(plan(range(0, 95), slices))).toEqual([0, 1, 0]);
});

test('a slice that would go is written as one that would come, unless it belongs to another Service', () => {
  const slices = applied([], plan(range(0, 3), []));
  const moved = range(0, 3).map(({ metadata }, index) => ({ ...workload(index, 9090), metadata }));
  expect(writes(plan(moved, slices))).toEqual([0, 1, 0]);
  const stranger = slices.map((slice) => ({ ...slice, metadata: { ...slice.metadata, ownerReferences: [] } }));
  expect(writes(plan(moved, stranger))).toEqual([1, 0, 1]);
});

test('labels of the Service are written, the reserved ones are the controller’s', () => {
  const labelled = { ...service, metadata: { ...service.metadata, labels: { team: 'a', [MANAGED_BY_LABEL]: 'me' } } };
  const [slice] = applied([], plan(range(0, 1), [], labelled));
  expect(slice?.metadata.labels).toEqual({ team: 'a', [MANAGED_BY_LABEL]: MANAGER, 'kubernetes.io/service-name': 'vms' });
  expect(writes(plan(range(0, 1), slice ? [slice] : []))).toEqual([0, 1, 0]);
});
