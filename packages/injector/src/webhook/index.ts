// The admission webhook around the pod mutator.
export { type AdmissionLookups, type AdmissionObserver, BadReview, review } from './admission.ts';
export { type ClusterLookups, clusterLookups } from './cluster-lookups.ts';
export { injectorMain } from './main.ts';
export { startWebhook, type WebhookServer, type WebhookServerOptions } from './server.ts';
