// Requests spread over the endpoints of a target by the proxy's own balancer: power of two choices over Peak-EWMA.
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Clock, type DiscoveryPort, type Endpoint, formatSocketAddress, type SocketAddress, settled, systemClock } from '@weft/core';
import { peakEwma } from '@weft/core/balance';

export interface BalancedAnswer {
  readonly status: number;
  readonly body: string;
  /** Who answered. */
  readonly endpoint: SocketAddress;
}

export interface BalancedClient {
  /** GET of a path. Waits for the first answer of discovery; rejects with a `NoEndpointError` where there is nobody to ask. */
  get(path: string): Promise<BalancedAnswer>;
  close(): void;
}

export class NoEndpointError extends Error {
  override readonly name = 'NoEndpointError';
}

export function balancedClient(discovery: Pick<DiscoveryPort, 'endpoints'>, target: string, clock: Clock = systemClock()): BalancedClient {
  const agent = new Agent({ keepAlive: true });
  const balancer = peakEwma<Endpoint>({ clock });
  const watch = discovery.endpoints(target);
  const stop = watch.subscribe((state) => void balancer.update(state.kind === 'value' ? state.value : []));

  return {
    async get(path) {
      const { kind } = await settled(watch);
      const member = balancer.pick(clock.now());
      if (!member) throw new NoEndpointError(`${target} has no endpoint: its discovery is ${kind}`);
      const { address } = member.endpoint;
      const dispatch = member.load.dispatch(clock.now());
      try {
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
          request({ agent, host: address.ip, port: address.port, path, headers: { host: target } }, resolve)
            .on('error', reject)
            .end();
        });
        return { status: response.statusCode ?? 0, body: await text(response), endpoint: address };
      } catch (error) {
        throw new Error(`${formatSocketAddress(address)} did not answer`, { cause: error });
      } finally {
        dispatch.complete(clock.now());
      }
    },
    close() {
      stop();
      agent.destroy();
    },
  };
}
