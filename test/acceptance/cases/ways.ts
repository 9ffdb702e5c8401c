// The ways of a request to an application: through an outbound proxy, an inbound one, or both with HTTP/2 between them; both may be of one
// implementation or of two.
import { httpApplication } from '../process/applications.ts';
import type { ControlPlane } from '../process/control-plane.ts';
import { redirecting } from '../process/interception.ts';
import { BUNDLE } from '../process/launch.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { alone, behind, type PairPrograms, pair, SERVICE } from '../process/scenes.ts';

export interface Way extends AsyncDisposable {
  /** Where the client connects. */
  readonly at: string;
  readonly proxies: readonly ProxyProcess[];
}

export interface WayKind {
  readonly name: string;
  open(control: ControlPlane, port: number): Promise<Way>;
}

/** `programs`: whose proxies these are. */
function paired(name: string, programs: PairPrograms): WayKind {
  return {
    name,
    async open(control, port) {
      const both = await pair(control, port, {}, {}, programs);
      return { at: both.client.outboundAddress(SERVICE), proxies: [both.client, both.server], [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() };
    },
  };
}

/** Pairs of our proxy and another, where LINKERD2_PROXY_BIN names one and it can be told where connections go. */
export const MIXED_PROGRAMS: readonly (readonly [name: string, programs: PairPrograms])[] = (
  [
    ['our outbound, its inbound', { client: BUNDLE, server: process.env['LINKERD2_PROXY_BIN'] }],
    ['its outbound, our inbound', { client: process.env['LINKERD2_PROXY_BIN'], server: BUNDLE }],
  ] as const
).filter(() => process.env['LINKERD2_PROXY_BIN'] !== undefined && redirecting());

export const WAYS: readonly WayKind[] = [
  {
    name: 'outbound',
    async open(control, port) {
      const proxy = await alone(control, port);
      return { at: proxy.outboundAddress(SERVICE), proxies: [proxy], [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'inbound',
    async open(control, port) {
      const proxy = await behind(control, port);
      return { at: proxy.inboundAddress(8080), proxies: [proxy], [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
    },
  },
  paired('pair', {}),
  ...MIXED_PROGRAMS.map(([name, programs]) => paired(name, programs)),
];

/** A client's proxy that sends HTTP/1 as HTTP/2, in plaintext, to an application that is not there as a proxy would be. */
export function upgrading(control: ControlPlane, port: number): Promise<ProxyProcess> {
  return alone(control, port, {}, { hint: 'h2' });
}

/** A port at which nobody listens. */
export async function deserted(): Promise<number> {
  const application = await httpApplication();
  await application[Symbol.asyncDispose]();
  return application.port;
}
