// The .proto files of the linkerd2-proxy-api say what proto/wire.tsv says, and nothing else, and those of others what is listed
// here; the generated code is what they give.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { loadProtos } from '../generate/load-protos.ts';
import { renderCodecs } from '../generate/render-codecs.ts';
import { renderMessages } from '../generate/render-messages.ts';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
/** Google's types come with protobufjs and have no file. */
const file = (object: protobuf.ReflectionObject): string => {
  if (object.parent?.fullName === '.google.protobuf') return `${object.name.toLowerCase()}.proto`;
  if (object.filename) return object.filename.split('/').pop() ?? '';
  return object.parent ? file(object.parent) : '';
};

/** The rows of the table, from reflection. Files are named without folder, since those of Google's types differ. */
function rowsOf(namespace: protobuf.NamespaceBase): string[] {
  return namespace.nestedArray.flatMap((object) => {
    const name = object.fullName.slice(1);
    const row = (kind: string, fullName: string, ...cells: (string | number)[]): string =>
      [kind, fullName, ...cells, ...Array.from({ length: 5 - cells.length }, () => ''), file(object)].join('\t');
    if (object instanceof protobuf.Enum) {
      return [row('enum', name), ...Object.entries(object.values).map(([key, value]) => row('enum_value', `${name}.${key}`, value))];
    }
    if (object instanceof protobuf.Service) {
      const rpcs = object.methodsArray.map((method) => {
        const { resolvedRequestType: request, resolvedResponseType: response } = method;
        const streaming = method.responseStream ? 'server_streaming' : method.requestStream ? 'client_streaming' : 'unary';
        return row('rpc', `${name}/${method.name}`, '', request?.fullName.slice(1) ?? '', response?.fullName.slice(1) ?? '', '', streaming);
      });
      return [row('service', name), ...rpcs];
    }
    if (!(object instanceof protobuf.Type)) return object instanceof protobuf.Namespace ? rowsOf(object) : [];
    const reserved = (object.reserved ?? []).map((entry) => row('reserved', name, Array.isArray(entry) ? (entry[0] ?? '') : entry));
    const oneofs = object.oneofsArray.map((oneof) => row('oneof', `${name}.${oneof.name}`));
    const fields = object.fieldsArray.map((field) => {
      const type = field.resolvedType?.fullName.slice(1) ?? field.type;
      const label = field.map ? 'map' : field.repeated ? 'repeated' : 'singular';
      const written = field instanceof protobuf.MapField ? `map<${field.keyType},${type}>` : type;
      const extra = field.options?.['deprecated'] === true ? 'deprecated=true' : '';
      return row('field', `${name}.${field.name}`, field.id, written, label, field.partOf?.name ?? '', extra);
    });
    return [row('message', name), ...reserved, ...oneofs, ...fields, ...rowsOf(object)];
  });
}

const expected = read('../proto/wire.tsv')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => line.replace(/[^\t/]+\/(?=[^\t]*$)/g, ''));
const every = rowsOf(loadProtos({ keepCase: true }));
const actual = every.filter((row) => !row.endsWith('\tworkload.proto'));

test('declares everything in the table, under the same names, numbers and types', () => {
  const declared = new Set(actual);
  expect(expected).toHaveLength(682);
  expect(expected.filter((row) => !declared.has(row))).toEqual([]);
});

test('declares nothing beyond the table', () => {
  const wanted = new Set(expected);
  expect(actual.filter((row) => !wanted.has(row))).toEqual([]);
  expect(actual).toHaveLength(expected.length);
});

test('declares of the SPIFFE Workload API what X.509 identities need', () => {
  expect(every.filter((row) => row.endsWith('\tworkload.proto')).map((row) => row.split('\t').filter(Boolean).slice(0, -1).join(' '))).toEqual([
    'service SpiffeWorkloadAPI',
    'rpc SpiffeWorkloadAPI/FetchX509SVID X509SVIDRequest X509SVIDResponse server_streaming',
    'message X509SVIDRequest',
    'message X509SVIDResponse',
    'field X509SVIDResponse.svids 1 X509SVID repeated',
    'field X509SVIDResponse.crl 2 bytes repeated',
    'field X509SVIDResponse.federated_bundles 3 map<string,bytes> map',
    'message X509SVID',
    'field X509SVID.spiffe_id 1 string singular',
    'field X509SVID.x509_svid 2 bytes singular',
    'field X509SVID.x509_svid_key 3 bytes singular',
    'field X509SVID.bundle 4 bytes singular',
    'field X509SVID.hint 5 string singular',
  ]);
});

test('reserves single numbers only, so that the table shows whole ranges', () => {
  const ranges = (namespace: protobuf.NamespaceBase): (number[] | string)[] =>
    namespace.nestedArray.flatMap((object) =>
      object instanceof protobuf.Namespace ? [...(object instanceof protobuf.Type ? (object.reserved ?? []) : []), ...ranges(object)] : [],
    );
  expect(ranges(loadProtos({ keepCase: true })).filter((range) => typeof range !== 'string' && range[0] !== range[1])).toEqual([]);
});

test('has no optional scalars: presence is not part of this API', () => {
  expect(read('../proto/outbound.proto')).not.toMatch(/\boptional\b/);
  const synthetic = (namespace: protobuf.NamespaceBase): string[] =>
    namespace.nestedArray.flatMap((object) => {
      const own =
        object instanceof protobuf.Type ? object.fieldsArray.filter((field) => field.options?.['proto3_optional']).map((field) => field.fullName) : [];
      return object instanceof protobuf.Namespace ? [...own, ...synthetic(object)] : own;
    });
  expect(synthetic(loadProtos({ keepCase: true }))).toEqual([]);
});

test('has the generated code that the protos give', async () => {
  expect(renderMessages() === read('./gen/messages.ts')).toBe(true);
  expect((await renderCodecs()) === read('./gen/codecs.ts')).toBe(true);
});
