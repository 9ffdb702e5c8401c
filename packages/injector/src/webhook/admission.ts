// AdmissionReview in, AdmissionReview out. spec/injector-cli.md §1.8; Kubernetes API admission.k8s.io/v1.
import type { Pod, Service } from '@weft/kube';
import type { SkipReason } from '../decision/decide.ts';
import { annotateService, injectPod } from '../inject.ts';
import type { AddOperation, OwnerRef } from '../patch/build-patch.ts';
import type { InjectorValues } from '../values/values.ts';

/** What the webhook asks of the cluster. Called once per review; may throw, which refuses the object with the message. */
export interface AdmissionLookups {
  /** Values in force now. */
  values(): InjectorValues | Promise<InjectorValues>;
  namespaceAnnotations(namespace: string): Promise<Readonly<Record<string, string>>>;
  /** The workload behind a pod: the Deployment of its ReplicaSet, say. */
  ownerOf(pod: Pod, namespace: string): Promise<OwnerRef | undefined>;
}

/** Told of each review that was decided, for metrics and logs. */
export interface AdmissionObserver {
  decided(event: {
    readonly kind: string;
    readonly namespace: string;
    readonly owner: string;
    /** Why nothing was injected. Empty where something was. */
    readonly skipped: readonly SkipReason[];
    /** Whether the object is changed: one that is not injected may still get annotations. */
    readonly patched: boolean;
    readonly at: string;
    readonly warnings: readonly string[];
  }): void;
}

export class BadReview extends Error {
  override readonly name = 'BadReview';
}

interface AdmissionRequest {
  readonly uid: string;
  readonly kind?: { readonly group?: string; readonly version?: string; readonly kind?: string };
  readonly namespace?: string;
  readonly object?: unknown;
}

interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly message: string };
  readonly patchType?: 'JSONPatch';
  readonly patch?: string;
}

/** Answers one review. Throws BadReview where the body is none; every other failure becomes `allowed: false` with its message. */
export async function review(body: string, lookups: AdmissionLookups, observer: AdmissionObserver): Promise<object> {
  const { envelope, request } = parse(body);
  let response: AdmissionResponse;
  try {
    const patch = await mutate(request, lookups, observer);
    response = {
      uid: request.uid,
      allowed: true,
      ...(patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
    };
  } catch (error) {
    response = { uid: request.uid, allowed: false, status: { message: error instanceof Error ? error.message : String(error) } };
  }
  return { ...envelope, request, response };
}

function parse(body: string): { readonly envelope: object; readonly request: AdmissionRequest } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new BadReview('the body is not JSON', { cause });
  }
  const { request, ...envelope } = (typeof value === 'object' && value !== null ? value : {}) as { readonly request?: AdmissionRequest };
  if (typeof request?.uid !== 'string' || request.uid === '') throw new BadReview('the body is no AdmissionReview: request.uid is missing');
  return { envelope, request };
}

async function mutate(request: AdmissionRequest, lookups: AdmissionLookups, observer: AdmissionObserver): Promise<readonly AddOperation[]> {
  const kind = request.kind?.kind ?? '';
  const namespace = request.namespace ?? '';
  if (kind !== 'Pod' && kind !== 'Service') return [];
  if (typeof request.object !== 'object' || request.object === null) throw new Error(`the review of a ${kind} carries no object`);
  const [values, namespaceAnnotations] = await Promise.all([lookups.values(), lookups.namespaceAnnotations(namespace)]);
  if (kind === 'Service') {
    const patch = annotateService(request.object as Service, namespaceAnnotations, values);
    observer.decided({ kind: 'service', namespace, owner: '', skipped: [], patched: patch.length > 0, at: '', warnings: [] });
    return patch;
  }
  const pod = request.object as Pod;
  const owner = await lookups.ownerOf(pod, namespace);
  const mutation = injectPod({ pod, namespace, namespaceAnnotations, values, owner });
  observer.decided({
    kind: owner?.kind ?? 'pod',
    namespace,
    owner: owner?.name ?? '',
    skipped: mutation.kind === 'skipped' ? mutation.reasons : [],
    patched: mutation.patch.length > 0,
    at: mutation.decision.annotationAt,
    warnings: mutation.kind === 'injected' ? mutation.warnings : [],
  });
  return mutation.patch;
}
