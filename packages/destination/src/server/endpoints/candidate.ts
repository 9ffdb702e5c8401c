// One address of a Service before it is filtered for a client: where it is, and how it is described. spec/control-plane.md §1.4.
import type { Endpoint } from '@weft/core';
import type { ExternalWorkload, Pod } from '@weft/kube';

/** Where an endpoint is, seen from a client. */
export type Locality = 'local' | 'remote' | 'unknown';

/** The same endpoint object each time, so that sets can be compared by reference. */
export interface Description {
  /** Without the label of its locality. */
  readonly endpoint: Endpoint;
  at(locality: Locality): Endpoint;
}

export interface Candidate {
  /** `ip:port`. */
  readonly key: string;
  readonly family: 4 | 6;
  readonly hostname: string | undefined;
  /** Empty where it is not known. */
  readonly zone: string;
  /** Zones whose clients should use it; empty where nothing is said. */
  readonly hints: readonly string[];
  /** The pod or external workload at this address. */
  readonly workload: Pod | ExternalWorkload | undefined;
  /** The node of the pod; undefined where it is none. */
  readonly nodeName: string | undefined;
  readonly description: Description;
  /** The objects it was made of: while they are the same, it is. */
  readonly basis: readonly unknown[];
}

export interface DescriptionOptions {
  /** Endpoints in the zone of the client weigh ten times as much. */
  readonly zoneWeights: boolean;
}

export function describe(endpoint: Endpoint, { zoneWeights }: DescriptionOptions): Description {
  const made = new Map<Locality, Endpoint>();
  return {
    endpoint,
    at(locality) {
      let found = made.get(locality);
      if (!found) {
        const weight = zoneWeights && locality === 'local' ? endpoint.weight * 10 : endpoint.weight;
        found = Object.freeze({ ...endpoint, weight, labels: Object.freeze({ ...endpoint.labels, zone_locality: locality }) });
        made.set(locality, found);
      }
      return found;
    },
  };
}

export function localityOf(zone: string, clientZone: string | undefined): Locality {
  if (zone === '' || clientZone === undefined || clientZone === '') return 'unknown';
  return zone === clientZone ? 'local' : 'remote';
}
