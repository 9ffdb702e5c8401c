// undici, and with it fetch, over the mesh. The package undici is needed here alone.
// Example: fetch('http://web.ns.svc.cluster.local/', { dispatcher: meshDispatcher(agent) });
import { Agent, type Dispatcher } from 'undici';
import type { MeshAgent } from '../mesh-agent.ts';

/** Uses the proxy of the agent. Closing it ends its own connections; the agent is closed separately. */
export function meshDispatcher(agent: MeshAgent, options: Omit<Agent.Options, 'connect'> = {}): Dispatcher {
  return new Agent({ ...options, connect: agent.connector });
}
