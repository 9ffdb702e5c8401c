import { describe, expect, test } from 'vitest';
import { ApiError } from '../errors/api-error.ts';
import { builtinKinds } from '../kinds/builtin-kinds.ts';
import { storedKinds } from '../kinds/stored-kinds.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { decodeProtobuf } from './decode-protobuf.ts';
import { parseMessages } from './message-table.ts';
import { builtinMessages } from './messages.ts';
import { messageSchemas } from './open-api-schemas.ts';

const messages = builtinMessages();

/** Bytes of protobuf by hand: a number is a varint, bytes and texts carry their length. */
function field(number: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}
const all = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  all(Buffer.from('k8s\0'), field(1, all(field(1, apiVersion), field(2, kind))), field(2, raw), field(3, ''), field(4, ''));

describe('a body in protobuf', () => {
  test('becomes the JSON of its object, without the zeros that mean nothing', () => {
    const metadata = all(field(1, 'web'), field(2, ''), field(3, 'shop'), field(7, 0), field(8, ''), field(11, all(field(1, 'app'), field(2, 'web'))));
    const port = all(field(1, 'http'), field(2, ''), field(3, 80), field(4, all(field(1, 1), field(2, 0), field(3, 'named'))), field(5, 0));
    const other = all(field(1, 'tcp'), field(3, 81), field(4, all(field(1, 0), field(2, 8081), field(3, ''))));
    const spec = all(field(1, port), field(1, other), field(2, all(field(1, 'app'), field(2, ''))), field(13, 0), field(5, '1.2.3.4'), field(20, 0));
    expect(decodeProtobuf(messages, envelope('v1', 'Service', all(field(1, metadata), field(2, spec), field(3, field(1, '')))))).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
      spec: {
        ports: [
          { name: 'http', port: 80, targetPort: 'named' },
          { name: 'tcp', port: 81, targetPort: 8081 },
        ],
        selector: { app: '' },
        externalIPs: ['1.2.3.4'],
        allocateLoadBalancerNodePorts: false,
      },
      status: { loadBalancer: {} },
    });
  });

  test('carries negative numbers, octets, quantities, times and what stands inline', () => {
    const volume = all(field(1, 'v'), field(2, field(19, all(field(1, field(1, 'settings')), field(3, 0o644), field(4, 0)))));
    const pod = all(field(1, volume), field(4, -5), field(32, all(field(1, 'cpu'), field(2, field(1, '250m')))), field(25, -1));
    expect(decodeProtobuf(messages, envelope('v1', 'Pod', field(2, pod)))).toMatchObject({
      spec: {
        volumes: [{ name: 'v', configMap: { name: 'settings', defaultMode: 0o644, optional: false } }],
        terminationGracePeriodSeconds: -5,
        priority: -1,
        overhead: { cpu: '250m' },
      },
    });
    const secret = field(2, all(field(1, 'k'), field(2, Buffer.from([0, 255]))));
    expect(decodeProtobuf(messages, envelope('v1', 'Secret', secret))).toMatchObject({ data: { k: 'AP8=' } });
    const lease = field(2, all(field(1, 'me'), field(2, 0), field(4, all(field(1, 1_700_000_000), field(2, 123_456_000)))));
    expect(decodeProtobuf(messages, envelope('coordination.k8s.io/v1', 'Lease', lease))).toMatchObject({
      spec: { holderIdentity: 'me', leaseDurationSeconds: 0, renewTime: '2023-11-14T22:13:20.123456Z' },
    });
  });

  test('of a kind that is not known is 415, and what is none is 400, wherever it breaks', () => {
    const code = (bytes: Uint8Array): number => {
      try {
        decodeProtobuf(messages, bytes);
        return 200;
      } catch (error) {
        if (error instanceof ApiError) return error.status.code;
        throw error;
      }
    };
    expect(code(envelope('x/v1', 'Unheard', Buffer.alloc(0)))).toBe(415);
    expect(code(Buffer.from('{"kind":"Pod"}'))).toBe(400);
    expect(code(envelope('v1', 'Pod', Buffer.from([0x0a, 0x7f])))).toBe(400);
    expect(code(envelope('v1', 'ConfigMap', field(1, field(1, Buffer.from([0xff])))))).toBe(400);
    expect(code(envelope('v1', 'ConfigMap', field(2, all(field(1, '__proto__'), field(2, 'x')))))).toBe(400);
    const whole = envelope('v1', 'ConfigMap', all(field(1, field(1, 'a')), field(2, all(field(1, 'k'), field(2, 'v')))));
    for (let length = 0; length < whole.length; length++) expect([200, 400, 415]).toContain(code(whole.subarray(0, length)));
    for (let at = 4; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      expect([200, 400, 415]).toContain(code(changed));
    }
  });
});

describe('the table of messages', () => {
  test('names only messages that it has', () => {
    const scalars = ['string', 'bytes', 'int32', 'int64', 'bool', 'Quantity', 'IntOrString', 'Time', 'MicroTime', 'FieldsV1'];
    for (const [name, message] of messages)
      for (const member of message.values())
        expect(messages.has(member.type) || scalars.includes(member.type), `${name}.${member.name}: ${member.type}`).toBe(true);
  });

  test('refuses a word that it cannot read', () => {
    expect(() => parseMessages({ Odd: 'name=1 what?' })).toThrow('message Odd: what? cannot be read');
  });

  test('merges every list as the server does: kubectl computes its patches by it', () => {
    const differences: string[] = [];
    const walk = (name: string, schema: MergeSchema, path: string, seen: readonly string[]): void => {
      for (const member of messages.get(name)?.values() ?? []) {
        if (member.inline) {
          walk(member.type, schema, path, seen);
          continue;
        }
        const own = schema.fields?.[member.name] ?? {};
        const at = `${path}.${member.name}`;
        if (member.form === 'list' && (own.key !== member.mergeKey || (own.set ?? false) !== member.mergesAsSet))
          differences.push(`${at}: ${own.key ?? String(own.set)} / ${member.mergeKey ?? String(member.mergesAsSet)}`);
        // A list without a key is replaced as a whole, whatever is inside it.
        if (!seen.includes(member.type) && (member.form !== 'list' || member.mergeKey !== undefined))
          walk(member.type, member.form === 'list' ? (own.item ?? {}) : own, at, [...seen, member.type]);
      }
    };
    for (const { resource, merge } of [...builtinKinds, ...storedKinds]) walk(resource.kind, merge, resource.kind, []);
    expect(differences).toEqual([]);
  });

  test('is published with the schema of every message it leads to', () => {
    const schemas = messageSchemas(messages, 'Deployment');
    const references = JSON.stringify(schemas).match(/#\/components\/schemas\/[\w.]+/g) ?? [];
    for (const reference of references) expect(schemas).toHaveProperty([reference.slice('#/components/schemas/'.length)]);
    expect(schemas['io.k8s.api.PodSpec']).toMatchObject({
      properties: { volumes: { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge,retainKeys' } },
    });
  });
});
