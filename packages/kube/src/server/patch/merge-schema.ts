// How lists inside objects merge: the merge keys of the built-in kinds. Kubernetes "Update API Objects in Place Using kubectl patch",
// and the patchMergeKey and listMapKey notes of the API reference. Without these a strategic merge loses env and ports silently.

export interface MergeSchema {
  readonly fields?: Readonly<Record<string, MergeSchema>>;
  /** Strategic merge: elements with the same value of this member are merged. */
  readonly key?: string;
  /** Server-side apply: the members that tell elements apart. */
  readonly mapKeys?: readonly string[];
  /** Values given to missing map keys when elements are compared. */
  readonly keyDefaults?: Readonly<Record<string, string>>;
  /** What an element is made of. */
  readonly item?: MergeSchema;
  /** A list of plain values that merges as a set. */
  readonly set?: true;
  /** Server-side apply: owned and replaced as a whole although it is an object. */
  readonly atomic?: true;
}

const keyed = (key: string, item: MergeSchema = {}, mapKeys: readonly string[] = [key], keyDefaults: Readonly<Record<string, string>> = {}): MergeSchema => ({
  key,
  mapKeys,
  keyDefaults,
  item,
});
const SET: MergeSchema = { set: true };
const ATOMIC: MergeSchema = { atomic: true };

const container: MergeSchema = {
  fields: {
    env: keyed('name'),
    ports: keyed('containerPort', {}, ['containerPort', 'protocol'], { protocol: 'TCP' }),
    volumeMounts: keyed('mountPath'),
    volumeDevices: keyed('devicePath'),
    // Claims are a map by name for server-side apply only.
    resources: { fields: { claims: { mapKeys: ['name'] } } },
  },
};

export const metadataSchema: MergeSchema = { fields: { ownerReferences: keyed('uid'), finalizers: SET } };

const claimVolume: MergeSchema = { fields: { ephemeral: { fields: { volumeClaimTemplate: { fields: { metadata: metadataSchema } } } } } };

export const podSpecSchema: MergeSchema = {
  fields: {
    containers: keyed('name', container),
    initContainers: keyed('name', container),
    ephemeralContainers: keyed('name', container),
    volumes: keyed('name', claimVolume),
    imagePullSecrets: keyed('name'),
    hostAliases: keyed('ip'),
    topologySpreadConstraints: keyed('topologyKey', {}, ['topologyKey', 'whenUnsatisfiable']),
    resourceClaims: keyed('name'),
    schedulingGates: keyed('name'),
    nodeSelector: ATOMIC,
  },
};

const conditions = keyed('type');

const podStatus: MergeSchema = {
  fields: { conditions, podIPs: keyed('ip'), hostIPs: { atomic: true, key: 'ip' } },
};

const withMetadata = (fields: Readonly<Record<string, MergeSchema>>): MergeSchema => ({ fields: { metadata: metadataSchema, ...fields } });
const template: MergeSchema = { fields: { metadata: metadataSchema, spec: podSpecSchema } };

export const genericSchema = withMetadata({});
export const podSchema = withMetadata({ spec: podSpecSchema, status: podStatus });
export const workloadSchema = withMetadata({
  spec: { fields: { template, selector: ATOMIC, volumeClaimTemplates: ATOMIC } },
  status: { fields: { conditions } },
});
export const cronJobSchema = withMetadata({ spec: { fields: { jobTemplate: { fields: { metadata: metadataSchema, spec: { fields: { template } } } } } } });
export const serviceSchema = withMetadata({
  spec: { fields: { ports: keyed('port', {}, ['port', 'protocol'], { protocol: 'TCP' }), selector: ATOMIC } },
  status: { fields: { conditions } },
});
export const serviceAccountSchema = withMetadata({ secrets: keyed('name'), imagePullSecrets: { key: 'name', atomic: true } });
export const namespaceSchema = withMetadata({ status: { fields: { conditions } } });
export const nodeSchema = withMetadata({
  spec: { fields: { podCIDRs: SET } },
  status: { fields: { conditions, addresses: keyed('type') } },
});
export const webhooksSchema = withMetadata({ webhooks: keyed('name') });
export const disruptionBudgetSchema = withMetadata({ status: { fields: { conditions } } });
