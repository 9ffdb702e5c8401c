// The scenes most tests play in: one Service, with or without a proxy before and behind it.
import type { Endpoint } from '@weft/core';
import { balanced, detectPolicy } from '../proxy/policies.ts';
import { type ControlPlane, type ControlPlaneBuilder, controlPlane } from './control-plane.ts';
import type { Environment } from './launch.ts';
import { type ProxyProcess, readyProxy } from './proxy-process.ts';

/** The virtual address of the Service, and its name. */
export const SERVICE = '10.43.0.7:80';
export const NAME = 'server.ns.svc.cluster.local:80';

export function scripted(): ControlPlaneBuilder {
  return controlPlane().outbound(SERVICE, detectPolicy(balanced(NAME)));
}

/** A client's proxy in front of an application without one. */
export async function alone(
  control: ControlPlane,
  port: number,
  env: Environment = {},
  { hint = 'none', binary }: { readonly hint?: Endpoint['hint']; readonly binary?: string } = {},
): Promise<ProxyProcess> {
  control.endpointsOf(NAME).set([{ address: { ip: '10.42.0.9', port: 8080 }, weight: 1, labels: { deployment: 'app' }, hint }]);
  const dial = { '10.42.0.9:8080': `127.0.0.1:${port}` };
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env, binary });
}

/** A server's proxy, to which clients come without one. */
export async function behind(control: ControlPlane, port: number, env: Environment = {}): Promise<ProxyProcess> {
  return readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: port }, env });
}

export interface Pair extends AsyncDisposable {
  readonly client: ProxyProcess;
  readonly server: ProxyProcess;
}

export interface PairPrograms {
  readonly client?: string | undefined;
  readonly server?: string | undefined;
}

/** Both sides have a proxy. */
export async function pair(
  control: ControlPlane,
  port: number,
  clientEnv: Environment = {},
  serverEnv: Environment = {},
  programs: PairPrograms = {},
): Promise<Pair> {
  const server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: port }, env: serverEnv, binary: programs.server });
  control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const dial = { '10.42.0.5:8080': server.inboundAddress(8080), '10.42.0.5:4143': server.inboundAddress(4143) };
  const connectsTo = { [SERVICE]: NAME };
  const client = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial, env: clientEnv, binary: programs.client });
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
