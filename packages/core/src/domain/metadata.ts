// What a policy object is called in metrics, logs and reasons. spec/wire.md, meta.proto.

export type Metadata =
  | { readonly kind: 'default'; readonly name: string }
  | {
      readonly kind: 'resource';
      readonly group: string;
      /** The Kubernetes kind, such as `Service`. */
      readonly resource: string;
      readonly name: string;
      readonly namespace: string;
      readonly section: string;
      /** 0 where no port is meant. */
      readonly port: number;
    };

export function defaultMetadata(name: string): Metadata {
  return { kind: 'default', name };
}

/** The values of a `*_group`, `*_kind`, `*_name` label triple. */
export function metadataLabels(meta: Metadata): { readonly group: string; readonly kind: string; readonly name: string } {
  return meta.kind === 'default' ? { group: '', kind: 'default', name: meta.name } : { group: meta.group, kind: meta.resource, name: meta.name };
}

export function formatMetadata(meta: Metadata): string {
  if (meta.kind === 'default') return `default/${meta.name}`;
  const place = meta.namespace === '' ? meta.name : `${meta.namespace}/${meta.name}`;
  return `${meta.group === '' ? '' : `${meta.group}/`}${meta.resource} ${place}${meta.port === 0 ? '' : `:${meta.port}`}`;
}
