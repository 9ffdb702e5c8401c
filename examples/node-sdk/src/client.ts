// The client: ordinary requests by name, with the mesh's agent.
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Dialer } from '@weft/proxy';
import { type MeshAgent, meshAgent } from '@weft/proxy/sdk';
import type { Membership } from './join.ts';

export interface Greeting {
  readonly status: number;
  readonly body: string;
}

/** `dial` is for machines without a pod network, where addresses of pods lead elsewhere. */
export function greetingAgent({ identity, discovery, policy }: Membership, dial?: Dialer): MeshAgent {
  return meshAgent({ identity, discovery, policy, ...(dial && { dial }) });
}

export async function greet(agent: MeshAgent, url: string): Promise<Greeting> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(url, { agent }, resolve).on('error', reject));
  return { status: response.statusCode ?? 0, body: await text(response) };
}
