// Kubernetes as this project uses it: typed resources, a small client on Node's own HTTP, and stores that list and watch.
// Nothing stops for good: a store keeps its last state while the API server is away and resumes where it was.
// Example: const store = resourceStore(kubeClient({ server }), podKind); await store.synced; store.get('default', 'web-0')?.status?.podIP;
export { type KubeClientOptions, kubeClient } from './client/client.ts';
export type { CredentialSource, Credentials } from './client/credentials.ts';
export type {
  CallOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  IssuedToken,
  KubeClient,
  ListOptions,
  PatchBody,
  PatchOptions,
  ResourceList,
  SelectOptions,
  TokenRequestSpec,
  TokenReviewStatus,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client/kube-client.ts';
export { KubeError, type KubeErrorCode, type KubeErrorOptions, type Status, type StatusCause } from './client/kube-error.ts';
export { modify, type RetryOnConflictOptions, retryOnConflict } from './client/on-conflict.ts';
export { tokenReviewer } from './client/token-reviewer.ts';
export { clusterConfig } from './config/cluster-config.ts';
export { type InClusterOptions, inClusterConfig } from './config/in-cluster.ts';
export { type ClusterConfig, type KubeconfigOptions, loadKubeconfig } from './config/kubeconfig.ts';
export { type LeaderElection, type LeaderElectionOptions, leaderElection } from './election/leader-election.ts';
export { type EventRecord, type EventRecorder, type EventRecorderOptions, eventRecorder } from './events/event-recorder.ts';
export {
  type ConfigMap,
  configMapKind,
  eventKind,
  type KubeEvent,
  type Namespace,
  type Node,
  namespaceKind,
  nodeKind,
  type Secret,
  type ServiceAccount,
  secretKind,
  serviceAccountKind,
} from './resources/cluster.ts';
export {
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  type DefinedNames,
  type DefinedVersion,
  type JsonSchema,
  type PrinterColumn,
} from './resources/custom-resource-definition.ts';
export {
  type EndpointConditions,
  type EndpointSlice,
  endpointSliceKind,
  SERVICE_NAME_LABEL,
  type SliceEndpoint,
  type SlicePort,
} from './resources/endpoint-slice.ts';
export { type EndpointAddress, type EndpointSubset, type Endpoints, endpointsKind } from './resources/endpoints.ts';
export { type ExternalWorkload, type ExternalWorkloadPort, externalWorkloadKind } from './resources/external-workload.ts';
export { type Job, jobKind } from './resources/job.ts';
export { type Lease, type LeaseSpec, leaseKind } from './resources/lease.ts';
export { parseManifest } from './resources/manifest.ts';
export type {
  Condition,
  Draft,
  KubeObject,
  LabelSelector,
  LabelSelectorRequirement,
  ObjectMeta,
  ObjectRef,
  ObjectReference,
  OwnerReference,
} from './resources/meta.ts';
export {
  type Container,
  type ContainerPort,
  type ContainerState,
  type ContainerStatus,
  type EnvFromSource,
  type EnvVar,
  type EnvVarSource,
  type HttpHeader,
  type KeySelector,
  type KeyToPath,
  type LifecycleHandler,
  type Pod,
  type PodPhase,
  type PodSpec,
  type PodStatus,
  type PodTemplate,
  type Probe,
  type ProbeAction,
  podKind,
  type ResourceRequirements,
  type SecurityContext,
  type Volume,
  type VolumeMount,
  type VolumeProjection,
} from './resources/pod.ts';
export { type PolicyServer, policyServerKind } from './resources/policy-server.ts';
export { apiVersionOf, collectionPath, metadataOf, objectPath, type ResourceKind, resourceKind } from './resources/resource-kind.ts';
export { type Service, type ServicePort, type ServiceSpec, serviceKind } from './resources/service.ts';
export {
  type ProfileRequestMatch,
  type ProfileResponseMatch,
  type ServiceProfile,
  type ServiceProfileRoute,
  serviceProfileKind,
} from './resources/service-profile.ts';
export {
  type AdmissionRequest,
  type AdmissionResponse,
  type AdmissionReview,
  type GroupVersionKind,
  type GroupVersionResource,
  type MutatingWebhook,
  type MutatingWebhookConfiguration,
  mutatingWebhookConfigurationKind,
  type ValidatingWebhook,
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurationKind,
  type WebhookClientConfig,
  type WebhookRule,
} from './resources/webhook.ts';
export { type Deployment, type DeploymentSpec, type DeploymentStatus, deploymentKind, type ReplicaSet, replicaSetKind } from './resources/workload.ts';
export { type LabelTest, parseLabelSelector, selectorMatches } from './select/label-selector.ts';
export { type Informers, type InformersOptions, informers } from './store/informers.ts';
export { type ObjectIndex, objectIndex, versionsOf } from './store/object-index.ts';
export { type ResourceStoreOptions, resourceStore } from './store/resource-store.ts';
export type { ResourceStore, StoreEvent, StoreIndex } from './store/store.ts';
export { createTopics, type Topics, type TopicsOptions } from './store/topics.ts';
