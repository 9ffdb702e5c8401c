// The table of messages, parsed once when the first protobuf body arrives.
import { KUBERNETES_MESSAGES } from './kubernetes-messages.ts';

/** What a field holds: a message of the table or a type of its own. */
export type FieldType = { readonly kind: 'one' | 'list' | 'map'; readonly type: string };

export interface Field {
  /** In JSON. */
  readonly name: string;
  readonly holds: FieldType;
  /** The fields of the message that it holds stand among those of its parent. */
  readonly inline: boolean;
  /** A zero or an empty text means that nothing was set. */
  readonly omitsZero: boolean;
}

export type Message = ReadonlyMap<number, Field>;

/** Packages of the table by API group and version. */
const PACKAGES: Readonly<Record<string, string>> = {
  v1: 'core',
  'admissionregistration.k8s.io/v1': 'admission',
  'apps/v1': 'apps',
  'authentication.k8s.io/v1': 'authentication',
  'authorization.k8s.io/v1': 'authorization',
  'autoscaling/v1': 'autoscaling',
  'batch/v1': 'batch',
  'coordination.k8s.io/v1': 'coordination',
  'discovery.k8s.io/v1': 'discovery',
  'events.k8s.io/v1': 'events',
  'networking.k8s.io/v1': 'networking',
  'policy/v1': 'policy',
  'rbac.authorization.k8s.io/v1': 'rbac',
};

let parsed: ReadonlyMap<string, Message> | undefined;

export function messageNamed(name: string): Message | undefined {
  parsed ??= parse(KUBERNETES_MESSAGES);
  return parsed.get(name);
}

/** The message of an object of this kind; undefined when the table does not have it. Options are the same message in every group. */
export function messageOfKind(apiVersion: string, kind: string): Message | undefined {
  if (kind === 'DeleteOptions') return messageNamed('meta.DeleteOptions');
  return messageNamed(`${PACKAGES[apiVersion] ?? apiVersion}.${kind}`);
}

function parse(table: string): ReadonlyMap<string, Message> {
  const messages = new Map<string, Message>();
  for (const line of table.trim().split('\n')) {
    const [name = '', ...fields] = line.split(' ');
    messages.set(name, new Map(fields.map(parseField)));
  }
  return messages;
}

function parseField(text: string): [number, Field] {
  const [number = '', ...rest] = text.split(':');
  const type = rest.at(-1) ?? '';
  const name = rest.length > 1 ? (rest[0] ?? '') : '';
  const inline = type.startsWith('...');
  return [Number(number), { name: name.replace('?', ''), omitsZero: name.endsWith('?'), inline, holds: parseType(inline ? type.slice(3) : type) }];
}

function parseType(type: string): FieldType {
  if (type.endsWith('[]')) return { kind: 'list', type: type.slice(0, -2) };
  if (type.startsWith('{')) return { kind: 'map', type: type.slice(1, -1) };
  return { kind: 'one', type };
}
