// Bytes are written here field by field, as client-go does: every plain field is there, zero or not.
import { Writer } from 'protobufjs/minimal.js';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../errors/api-error.ts';
import { decodeObject } from './decode-object.ts';

const nested = (writer: Writer, number: number, fill: (inner: Writer) => void): Writer => {
  fill(writer.uint32((number << 3) | 2).fork());
  return writer.ldelim();
};
const text = (writer: Writer, number: number, value: string): Writer => writer.uint32((number << 3) | 2).string(value);

function object(apiVersion: string, kind: string, fill: (writer: Writer) => void): Uint8Array {
  const envelope = Writer.create();
  nested(envelope, 1, (meta) => text(text(meta, 1, apiVersion), 2, kind));
  nested(envelope, 2, fill);
  return Buffer.concat([Buffer.from('k8s\0'), envelope.finish()]);
}

describe('an object in protobuf', () => {
  test('is read with its maps, lists and times, and without what was not set', () => {
    const lease = object('coordination.k8s.io/v1', 'Lease', (writer) => {
      nested(writer, 1, (meta) => {
        text(text(meta, 1, 'l'), 2, '');
        meta.uint32(7 << 3).int64(0);
        nested(meta, 8, () => undefined);
        nested(meta, 11, (entry) => text(text(entry, 1, '__proto__'), 2, 'x'));
        nested(meta, 11, (entry) => text(entry, 1, 'empty'));
        text(text(meta, 14, 'a'), 14, 'b');
      });
      nested(writer, 2, (spec) => {
        spec.uint32(2 << 3).int32(30);
        nested(spec, 4, (time) => time.uint32(8).int64(1_700_000_000).uint32(16).int32(1_234_567));
      });
    });
    const decoded = decodeObject(lease);
    expect(decoded).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'l',
        labels: Object.fromEntries([
          ['__proto__', 'x'],
          ['empty', ''],
        ]),
        finalizers: ['a', 'b'],
      },
      spec: { leaseDurationSeconds: 30, renewTime: '2023-11-14T22:13:20.001234Z' },
    });
    expect(({} as { x?: string }).x).toBeUndefined();
  });

  test('keeps a zero that was set, ports by number or name, quantities, bytes, and fields that stand among those of their parent', () => {
    const deployment = object('apps/v1', 'Deployment', (writer) => {
      nested(writer, 2, (spec) => {
        spec.uint32(1 << 3).int32(0);
        nested(spec, 3, (template) =>
          nested(template, 2, (pod) => {
            nested(pod, 1, (volume) => nested(text(volume, 1, 'v'), 2, (source) => nested(source, 2, (emptyDir) => text(emptyDir, 1, 'Memory'))));
            nested(pod, 2, (container) => {
              text(container, 1, 'c');
              nested(container, 8, (resources) => nested(resources, 1, (entry) => nested(text(entry, 1, 'cpu'), 2, (quantity) => text(quantity, 1, '100m'))));
              nested(container, 10, (probe) =>
                nested(probe, 1, (handler) => nested(handler, 2, (get) => nested(get, 2, (port) => text(port.uint32(8).int64(1), 3, 'http')))),
              );
              nested(container, 11, (probe) =>
                nested(probe, 1, (handler) => nested(handler, 2, (get) => nested(get, 2, (port) => port.uint32(8).int64(0).uint32(16).int32(80)))),
              );
            });
          }),
        );
      });
    });
    expect(decodeObject(deployment)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: {
        replicas: 0,
        template: {
          spec: {
            volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
            containers: [
              { name: 'c', resources: { limits: { cpu: '100m' } }, livenessProbe: { httpGet: { port: 'http' } }, readinessProbe: { httpGet: { port: 80 } } },
            ],
          },
        },
      },
    });
    const secret = object('v1', 'Secret', (writer) => nested(writer, 2, (entry) => text(text(entry, 1, 'k'), 2, 'v')));
    expect(decodeObject(secret)).toEqual({ apiVersion: 'v1', kind: 'Secret', data: { k: 'dg==' } });
  });

  test('of a newer version loses only the fields that are not known', () => {
    const map = object('v1', 'ConfigMap', (writer) => {
      writer.uint32(900 << 3).int32(1);
      text(writer, 901, 'new');
      nested(writer, 2, (entry) => text(text(entry, 1, 'a'), 2, 'b'));
    });
    expect(decodeObject(map)).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } });
  });

  test('says what options of a deletion ask for, in every group', () => {
    const options = object('apps/v1', 'DeleteOptions', (writer) => text(writer.uint32(8).int64(0), 4, 'Background'));
    expect(decodeObject(options)).toMatchObject({ gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  });

  const refusal = (bytes: Uint8Array): ApiError => {
    try {
      decodeObject(bytes);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error('was read');
  };

  test.each([
    ['is empty', Buffer.alloc(0)],
    ['lacks the mark at its beginning', Buffer.from('{}{}{}')],
    ['ends within a length', Buffer.from('k8s\0\x0a\x7f')],
    ['has a wire type that does not exist', Buffer.from('k8s\0\x0f')],
    ['has a number where a text belongs', object('v1', 'ConfigMap', (writer) => nested(writer, 1, (meta) => meta.uint32(8).int32(1)))],
    ['has a text where a number belongs', object('coordination.k8s.io/v1', 'Lease', (writer) => nested(writer, 2, (spec) => text(spec, 2, 'x')))],
    ['has a time beyond the calendar', object('v1', 'Pod', (writer) => nested(writer, 1, (meta) => nested(meta, 9, (time) => time.uint32(8).int64(9e14))))],
  ])('that %s is refused with 400', (_name, bytes) => {
    expect(refusal(bytes).status).toMatchObject({ code: 400, reason: 'BadRequest' });
  });

  test('of a kind that the table lacks is refused with 415, naming it', () => {
    const { status } = refusal(object('example.com/v1', 'Thing', () => undefined));
    expect(status).toMatchObject({ code: 415 });
    expect(status.message).toContain('a Thing of example.com/v1');
  });

  test('that is cut anywhere is read or refused, never anything else', () => {
    const whole = object('v1', 'Service', (writer) => {
      nested(writer, 1, (meta) => text(meta, 1, 'web'));
      nested(writer, 2, (spec) => nested(spec, 1, (port) => nested(text(port, 1, 'http'), 4, (target) => target.uint32(16).int32(80))));
    });
    const read = (length: number): unknown => {
      try {
        return decodeObject(whole.subarray(0, length));
      } catch (error) {
        if (error instanceof ApiError) return 'refused';
        throw error;
      }
    };
    const outcomes = Array.from({ length: whole.length }, (_unused, length) => read(length));
    // Between the kind and the object nothing is missing that could be noticed.
    expect(outcomes.filter((outcome) => outcome !== 'refused')).toEqual([{ apiVersion: 'v1', kind: 'Service' }]);
    expect(read(whole.length)).toMatchObject({ metadata: { name: 'web' }, spec: { ports: [{ name: 'http', targetPort: 80 }] } });
  });
});
