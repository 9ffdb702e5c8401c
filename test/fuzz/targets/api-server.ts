// What clients send to the embedded API server: bodies, patches, selectors. Refused with ApiError only, nothing but the copy changes.
import { parseLabelSelector } from '@weft/kube';
import { ApiError } from '../../../packages/kube/src/server/errors/api-error.ts';
import { decodeJson, decodeYaml } from '../../../packages/kube/src/server/json/decode.ts';
import { deepFreeze, isObject, type Json, type JsonObject } from '../../../packages/kube/src/server/json/json.ts';
import { builtinKinds } from '../../../packages/kube/src/server/kinds/builtin-kinds.ts';
import { decodeProtobuf } from '../../../packages/kube/src/server/messages/decode-protobuf.ts';
import { builtinMessages } from '../../../packages/kube/src/server/messages/messages.ts';
import { jsonPatch } from '../../../packages/kube/src/server/patch/json-patch.ts';
import { mergePatch } from '../../../packages/kube/src/server/patch/merge-patch.ts';
import { podSchema } from '../../../packages/kube/src/server/patch/merge-schema.ts';
import { strategicMerge } from '../../../packages/kube/src/server/patch/strategic-merge.ts';
import { parseFieldSelector } from '../../../packages/kube/src/server/select/field-selector.ts';
import { jsonMutator } from '../mutate-json.ts';
import { sameData } from '../same-data.ts';
import { attempt, type FuzzTarget, hold, kindOf, texts } from '../target.ts';
import { HOSTILE_YAML } from './yaml.ts';

function prototypeIsClean(): void {
  hold(Object.keys(Object.prototype).length === 0 && Object.keys(Array.prototype).length === 0, 'a prototype was written to');
}

const WORDS = [
  '__proto__',
  'constructor',
  'prototype',
  'name',
  'spec',
  'containers',
  'env',
  'a',
  'b',
  '',
  '/',
  '-',
  '0',
  '$patch',
  'replace',
  'delete',
  'merge',
];

const body = (name: string, decode: (text: string) => Json, ...seeds: readonly string[]): FuzzTarget => ({
  name,
  tokens: ['{', '}', '[', ']', '"', ':', ',', '&a', '*a', '[[[[', '{"a":', '"__proto__":{}', '- '],
  mutator: jsonMutator(WORDS),
  seeds: () => texts(...seeds),
  run(input) {
    const result = attempt(() => decode(input.toString('utf8')), ApiError);
    prototypeIsClean();
    return 'error' in result ? kindOf(result.error) : typeof result.value;
  },
});

/** An input is a JSON text `[object, patch]`. */
function patchTarget(name: string, seeds: readonly string[], words: readonly string[], apply: (object: JsonObject, patch: Json) => string): FuzzTarget {
  return {
    name,
    tokens: ['{', '}', '[', ']', '"', ',', '/', '~0', '~1', '__proto__'],
    mutator: jsonMutator([...WORDS, ...words]),
    seeds: () => texts(...seeds),
    run(input) {
      const decoded = attempt(() => decodeJson(input.toString('utf8')), ApiError);
      if ('error' in decoded) return 'not JSON';
      const [object, patch] = Array.isArray(decoded.value) ? decoded.value : [];
      if (!isObject(object) || patch === undefined) return 'no pair';
      const applied = attempt(() => apply(deepFreeze(object), deepFreeze(patch)), ApiError);
      prototypeIsClean();
      return 'error' in applied ? kindOf(applied.error) : applied.value;
    },
  };
}

const POD =
  '{"metadata":{"name":"a","finalizers":["x"]},"spec":{"containers":[{"name":"a","env":[{"name":"K","value":"v"}],"ports":[{"containerPort":80}]}],"volumes":[]}}';

const json = patchTarget(
  'json-patch',
  [
    `[${POD},[{"op":"add","path":"/spec/containers/-","value":{"name":"b"}},{"op":"test","path":"/metadata/name","value":"a"},{"op":"remove","path":"/spec/volumes"}]]`,
    '[{"a":[1,2],"b/c":{"~":1}},[{"op":"move","from":"/a/0","path":"/a/1"},{"op":"copy","from":"/b~1c","path":"/d"},{"op":"replace","path":"/b~1c/~0","value":null}]]',
  ],
  [
    'add',
    'remove',
    'move',
    'copy',
    'test',
    'op',
    'path',
    'from',
    'value',
    '/spec/containers/-',
    '/a/0',
    '/a/-1',
    '/a/1e0',
    '/a/01',
    '/__proto__/x',
    '/constructor/prototype/x',
  ],
  (object, patch) => {
    const result = jsonPatch(object, patch);
    return result.kind === 'patched' ? result.kind : kindOf(new Error(result.message));
  },
);

const merge = patchTarget('merge-patch', [`[${POD},{"spec":{"containers":null},"metadata":{"labels":{"a":"b"}}}]`], [], (object, patch) => {
  const once = mergePatch(object, patch);
  hold(sameData(mergePatch(once, patch), once), 'the same patch twice changes more');
  hold(sameData(mergePatch(object, {}), object), 'the empty patch changes something');
  return `patched ${isObject(once)}`;
});

const strategic = patchTarget(
  'strategic-merge',
  [
    `[${POD},{"spec":{"containers":[{"name":"a","env":[{"name":"L"}]},{"name":"b"}],"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"volumes":[{"$patch":"replace"}]}}]`,
    `[${POD},{"metadata":{"$deleteFromPrimitiveList/finalizers":["x"],"$retainKeys":["name"]},"spec":{"$patch":"replace"}}]`,
  ],
  ['$retainKeys', '$setElementOrder/containers', '$deleteFromPrimitiveList/finalizers', 'containerPort', 'ports', 'finalizers'],
  (object, patch) => {
    if (!isObject(patch)) return 'no object';
    strategicMerge(object, patch, podSchema);
    hold(sameData(strategicMerge(object, {}, podSchema), object), 'the empty patch changes something');
    return `patched ${Object.keys(patch).length}`;
  },
);

function definitionOf(kind: string): (typeof builtinKinds)[number] {
  const found = builtinKinds.find(({ resource }) => resource.kind === kind);
  if (!found) throw new TypeError(`there is no kind ${kind}`);
  return found;
}

const pods = definitionOf('Pod');

const selectors: FuzzTarget = {
  name: 'selectors',
  tokens: [',', '=', '==', '!=', '!', ' in (', ' notin (', ')', '(', 'app', 'metadata.name', 'spec.nodeName', 'status.phase', ' ', '\t'],
  seeds: () => texts('app=web,tier in (a,b),!canary,x!=y,z notin (q)', 'metadata.name=a,spec.nodeName!=b,status.phase==Running'),
  run(input) {
    const text = input.toString('utf8');
    const labels = parseLabelSelector(text);
    labels?.({ app: 'web', tier: 'a' });
    labels?.(undefined);
    const fields = attempt(() => parseFieldSelector(text, pods), ApiError);
    if ('value' in fields) fields.value({ metadata: { name: 'a' }, spec: null });
    return `${labels !== undefined} ${'error' in fields ? kindOf(fields.error) : 'fields'}`;
  },
};

const messages = builtinMessages();

/** `k8s\0`, an envelope of type and message; a ConfigMap with a name and one datum, and a Pod with a volume. */
const protobuf: FuzzTarget = {
  name: 'protobuf-body',
  tokens: ['k8s\0', '\n', '\x12', '\x1a', '\xff\xff\xff\xff\x0f', 'Pod', 'Service', 'Deployment', '__proto__'],
  seeds: () => [
    Buffer.from('6b3873000a0f0a02763112094f6e6669674d6170120f0a030a0161120a0a016b120176', 'hex'),
    Buffer.from('6b3873000a090a0276311203506f64120e120c0a0a0a0176120562030a0161', 'hex'),
  ],
  run(input) {
    const decoded = attempt(() => decodeProtobuf(messages, input), ApiError);
    prototypeIsClean();
    return 'error' in decoded ? kindOf(decoded.error) : `decoded ${Object.keys(decoded.value).join()}`;
  },
};

export const apiServerTargets = [
  body('json-body', decodeJson, POD, '['.repeat(5000)),
  body('yaml-body', decodeYaml, 'apiVersion: v1\nkind: Pod\nmetadata: &m {name: a}\nspec: {x: *m}\n', ...HOSTILE_YAML),
  json,
  merge,
  strategic,
  selectors,
  protobuf,
];
