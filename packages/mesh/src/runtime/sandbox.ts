// What a local runtime gives the kubelet: a network identity per pod, and processes in it. Two implementations: loopback, netns.
import type { Socket } from 'node:net';
import type { Pod, Service } from '@weft/kube';
import type { Command } from './child-process.ts';
import type { ProgramRole } from './images.ts';

/** A directory or file that a container sees at a path of its own. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A container with everything resolved that does not depend on the runtime. */
export interface ContainerLaunch {
  readonly name: string;
  readonly role: ProgramRole;
  /** The first is an absolute path on this machine. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** TCP ports that the container declares. */
  readonly ports: readonly number[];
  readonly workingDir: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** Capabilities beyond none, such as NET_ADMIN. */
  readonly capabilities: readonly string[];
}

/** `skip`: the container has no work in this runtime and counts as completed. */
export type LaunchPlan = { readonly kind: 'run'; readonly command: Command } | { readonly kind: 'skip'; readonly because: string };

/** Where the containers of a pod reach a Service port. */
export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
}

/** The network identity of one pod. Called by the pod's worker; methods reject when the runtime cannot do it. */
export interface PodSandbox {
  readonly podIp: string;
  /** Before the first container, once. */
  serviceAddress(service: Service, port: number): Promise<ServiceAddress | undefined>;
  plan(launch: ContainerLaunch): Promise<LaunchPlan>;
  /** A connection from the node to a port of the pod, as a kubelet's probe makes it. */
  dial(port: number): Promise<Socket>;
  /** Ends whatever still runs in it and gives everything back. Idempotent. */
  close(): Promise<void>;
}

export interface LocalRuntime {
  readonly kind: 'loopback' | 'netns';
  /** The node's address as pods know it. */
  readonly nodeIp: string;
  /** Where processes of pods reach the API server. */
  readonly apiServerUrl: string;
  createSandbox(pod: Pod, directory: string): Promise<PodSandbox>;
  /** A connection from the node to a Service by its name. Rejects when there is no ready endpoint. */
  dialService(target: { readonly namespace: string; readonly name: string; readonly port: number }): Promise<Socket>;
  /** Idempotent; after every pod has gone. */
  close(): Promise<void>;
}
