// The custom resources of the mesh as data: what `weft install --crds` prints, and what an embedded API server or a test applies.
// Written from the specification (`spec/control-plane.md` §1.9, §1.11, §2.2), they accept and default what Linkerd's own do.
// Example: const api = await startApiServer({ definitions: [...linkerdDefinitions, ...gatewayDefinitions] });
import type { CustomResourceDefinition } from '../resources/custom-resource-definition.ts';
import { externalWorkloadDefinition } from './external-workload.ts';
import { gatewayHttpRouteDefinition, policyHttpRouteDefinition } from './http-route.ts';
import { linkDefinition } from './link.ts';
import { policyDefinitions } from './policy.ts';
import { serviceProfileDefinition } from './service-profile.ts';
import { grpcRouteDefinition, tcpRouteDefinition, tlsRouteDefinition } from './stream-routes.ts';

/** Profiles, policies, routes of policy.linkerd.io and external workloads: what a mesh without the Gateway API needs. */
export const linkerdDefinitions: readonly CustomResourceDefinition[] = [
  ...policyDefinitions,
  policyHttpRouteDefinition,
  serviceProfileDefinition,
  externalWorkloadDefinition,
];

/** The routes of the Gateway API, for clusters that do not have them. */
export const gatewayDefinitions: readonly CustomResourceDefinition[] = [
  gatewayHttpRouteDefinition,
  grpcRouteDefinition,
  tlsRouteDefinition,
  tcpRouteDefinition,
];

/** Links to other clusters. */
export const multiclusterDefinitions: readonly CustomResourceDefinition[] = [linkDefinition];
