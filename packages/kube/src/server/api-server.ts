// The face of the embedded API server: what it is started with, and what the starter gets.
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Logger, Random } from '@weft/core';
import type { KubeClient } from '../client/kube-client.ts';
import type { CustomResourceDefinition } from '../resources/custom-resource-definition.ts';

/** A `service` reference of a webhook. */
export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export interface PodLogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
  /** Aborted when the reader is gone. */
  readonly signal: AbortSignal;
}

/** Where the log of a container comes from. Undefined: there is none (answered as 400). */
export type PodLogSource = (
  namespace: string,
  pod: string,
  container: string,
  options: PodLogOptions,
) => Promise<string | AsyncIterable<string | Uint8Array> | undefined>;

export interface ApiServerOptions {
  /** Default 127.0.0.1, port 0. `false`: only `attach`. */
  readonly listen?: { readonly host?: string; readonly port?: number } | false;
  /** Range of ClusterIPs. Default 10.43.0.0/16. */
  readonly serviceCidr?: string;
  /** `iss` of the tokens that this server signs. Default `https://kubernetes.default.svc.cluster.local`. */
  readonly issuer?: string;
  /** Audiences of a TokenRequest that names none. Default: the issuer. */
  readonly apiAudiences?: readonly string[];
  /**
   * Whether something plays the kubelet. With it a deleted pod gets a deletionTimestamp and stays until it is deleted again with
   * gracePeriodSeconds 0; without it it goes at once. Default false.
   */
  readonly kubelet?: boolean;
  /** Connects to a Service, for webhooks that name one. Without it such webhooks fail by their failurePolicy. */
  readonly dialService?: (target: ServiceTarget) => Promise<Duplex>;
  /** Without it `kubectl logs` is refused. */
  readonly podLogs?: PodLogSource;
  /**
   * A file that every change is written to before it is acknowledged, and that the next server begins with. It holds Secrets and the
   * key that tokens are signed with. Written anew when it is longer than `compactAboveBytes` (default 16 MiB) and than four times the state.
   */
  readonly journal?: { readonly path: string; readonly compactAboveBytes?: number };
  /** Definitions of custom resources present from the start. */
  readonly definitions?: readonly CustomResourceDefinition[];
  /** Namespaces present from the start, besides `default` and `kube-system`. */
  readonly namespaces?: readonly string[];
  /** PEM that pods get as `kube-root-ca.crt` to verify this server by. Default empty: it speaks plain HTTP. */
  readonly rootCa?: string;
  /** How long a deleted namespace stays as it is before it is emptied, in milliseconds; a real one takes seconds. Default 1000. */
  readonly namespaceEmptyAfterMs?: number;
  /** Largest request body, in bytes. Default 3 MiB. */
  readonly maxBodyBytes?: number;
  /** Changes kept for watches to resume from; older ones are answered with 410. Default 4096. */
  readonly maxHistory?: number;
  /** How far the reader of a watch may fall behind before it is cut off, in bytes. Default 32 MiB. */
  readonly maxWatchLagBytes?: number;
  /** How often a watch that asked for it gets a bookmark, in milliseconds. Default 60000. */
  readonly bookmarkMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface ApiServer {
  /** `http://host:port`; empty when it was started without listening. */
  readonly url: string;
  readonly port: number;
  /** Serves on another listener too, such as one handed over from another network namespace. The listener stays its owner's to close. */
  attach(server: net.Server): void;
  /** A client of this server, without a socket in between where it does not listen. Closed with the server. */
  client(): KubeClient;
  /** Ends watches and connections. Idempotent. */
  close(): Promise<void>;
}
