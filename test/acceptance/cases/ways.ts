// The ways of a request to an application: through an outbound proxy, an inbound one, or both with HTTP/2 between them.
import { httpApplication } from '../process/applications.ts';
import type { ControlPlane } from '../process/control-plane.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { alone, behind, pair, SERVICE } from '../process/scenes.ts';

export interface Way extends AsyncDisposable {
  /** Where the client connects. */
  readonly at: string;
  readonly proxies: readonly ProxyProcess[];
}

export interface WayKind {
  readonly name: string;
  /** HTTP/1 travels as HTTP/2 between the proxies. */
  readonly upgraded: boolean;
  open(control: ControlPlane, port: number): Promise<Way>;
}

export const WAYS: readonly WayKind[] = [
  {
    name: 'outbound',
    upgraded: false,
    async open(control, port) {
      const proxy = await alone(control, port);
      return { at: proxy.outboundAddress(SERVICE), proxies: [proxy], [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'inbound',
    upgraded: false,
    async open(control, port) {
      const proxy = await behind(control, port);
      return { at: proxy.inboundAddress(8080), proxies: [proxy], [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'pair',
    upgraded: true,
    async open(control, port) {
      const both = await pair(control, port);
      return { at: both.client.outboundAddress(SERVICE), proxies: [both.client, both.server], [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() };
    },
  },
];

/** A port at which nobody listens. */
export async function deserted(): Promise<number> {
  const application = await httpApplication();
  await application[Symbol.asyncDispose]();
  return application.port;
}
