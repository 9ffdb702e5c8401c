// Names of policy objects: `Metadata` messages, and the label triples that older control planes send. spec/proxy.md §8.6.
import { defaultMetadata, type Metadata } from '@weft/core';
import type { MetaMetadata } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { join, portFromWire, required, type Wire } from './path.ts';

const POLICY_GROUP = 'policy.linkerd.io';

export function metadataFromWire(wire: Wire<MetaMetadata>, at = ''): Metadata {
  const { default: name, resource } = required(wire, at);
  if (resource) {
    const { group = '', kind = '', name: resourceName = '', namespace = '', section = '', port } = resource;
    return { kind: 'resource', group, resource: kind, name: resourceName, namespace, section, port: portFromWire(port, join(at, 'resource.port')) };
  }
  if (name === null || name === undefined) throw new ConvertError('KIND_UNKNOWN', join(at, 'kind'));
  return defaultMetadata(name);
}

export function metadataToWire(metadata: Metadata): MetaMetadata {
  if (metadata.kind === 'default') return { default: metadata.name };
  const { group, resource, name, namespace, section, port } = metadata;
  return { resource: { group, kind: resource, name, namespace, section, port } };
}

/** From `group`, `kind` and `name`; without `kind`, the name may be written `default:deny`, and else `defaultKind` is meant. */
export function metadataFromLabels(labels: Readonly<Record<string, string>> | undefined, defaultKind: string, at: string): Metadata {
  const { group = POLICY_GROUP, kind, name } = labels ?? {};
  if (name === undefined) throw new ConvertError('FIELD_MISSING', join(at, 'name'));
  if (kind === 'default') return defaultMetadata(name);
  if (kind === undefined && name.startsWith('default:')) return defaultMetadata(name.slice('default:'.length));
  return { kind: 'resource', group, resource: kind ?? defaultKind, name, namespace: '', section: '', port: 0 };
}

export function metadataToLabels(metadata: Metadata): Record<string, string> {
  if (metadata.kind === 'default') return { group: '', kind: 'default', name: metadata.name };
  return { group: metadata.group, kind: metadata.resource, name: metadata.name };
}
