// What a thousand endpoints behind a hundred routes cost against two behind one: CPU per request may rise by less than a quarter. HAProxy with as many servers of both
// kinds is beside it, without routes; meshed endpoints are those that a mesh has most of, with HTTP/2 in mutual TLS towards each.
import type { Endpoint } from '@weft/core';
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import { type ProxyProcess, readyProxy } from '../../test/acceptance/process/proxy-process.ts';
import { NAME, SERVICE } from '../../test/acceptance/process/scenes.ts';
import { paired, straight } from '../hop.ts';
import { haproxyOver } from '../peers/native-peers.ts';
import { UNBOUND_HOST } from '../programs/announce.ts';
import type { LoadFigures, RiseFigures } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { compared, ours, type Setup } from './compared.ts';
import { policyOf } from './routes.ts';

interface Size {
  readonly endpoints: number;
  readonly routes: number;
}

const MANY: Size = { endpoints: 1_000, routes: 100 };
const FEW: Size = { endpoints: 2, routes: 1 };
const SCENARIO = `endpoints-${MANY.endpoints}`;
const PATH = straight('h1');
/** Each setting has half of the time, in which its idle connections age as fast as in all of it: they are kept twice as long as by default. */
const ENV = { LINKERD2_PROXY_LOG: 'info', LINKERD2_PROXY_OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: '6s' };
const SERVER_PORT = 8080;

const addressesOf = (count: number): Endpoint['address'][] =>
  Array.from({ length: count }, (_, n) => ({ ip: `10.42.${Math.floor(n / 250) + 1}.${(n % 250) + 1}`, port: SERVER_PORT }));

/** A client's proxy, to which all these addresses are the one real address. */
function client(control: ControlPlane, count: number, to: string): Promise<ProxyProcess> {
  const dial = Object.fromEntries(addressesOf(count).map(({ ip, port }) => [`${ip}:${port}`, to]));
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env: ENV });
}

const label = ({ endpoints, routes }: Size, kind = ''): string => `weft, ${endpoints}${kind} endpoints, ${routes} route${routes === 1 ? '' : 's'}`;

/** All lead to the same backend, each by connections of its own. */
const plain = (size: Size): Setup =>
  ours({
    label: label(size),
    backend: 'h1',
    prepare(control) {
      control.outboundOf(SERVICE).set(policyOf(size.routes));
      control.endpointsOf(NAME).set(addressesOf(size.endpoints).map((address) => ({ address, weight: 1, labels: { deployment: 'app' }, hint: 'none' })));
    },
    start: (control, port) => client(control, size.endpoints, `${UNBOUND_HOST}:${port}`),
  });

/** All are one proxy, which is not measured. */
const meshed = (size: Size): Setup =>
  ours({
    label: label(size, ' meshed'),
    backend: 'h1',
    prepare: (control) => control.outboundOf(SERVICE).set(policyOf(size.routes)),
    async start(control, port) {
      const server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { [SERVER_PORT]: port }, env: ENV });
      control.endpointsOf(NAME).set(addressesOf(size.endpoints).map((address) => server.endpoint(SERVER_PORT, { address })));
      const proxy = await client(control, size.endpoints, server.inboundAddress(SERVER_PORT));
      const endClient = proxy[Symbol.asyncDispose].bind(proxy);
      return Object.assign(proxy, {
        async [Symbol.asyncDispose]() {
          await endClient();
          await server[Symbol.asyncDispose]();
        },
      });
    },
  });

const haproxy = ({ endpoints: count }: Size): Setup => ({
  label: `haproxy, ${count} servers`,
  start: (context) => haproxyOver(count).start(PATH, context),
});

/** All are one other HAProxy, which is not measured. */
const haproxyMeshed = ({ endpoints: count }: Size): Setup => ({
  label: `haproxy, ${count} meshed servers`,
  async start(context) {
    const [client, server] = paired('h1');
    const behind = await haproxyOver(1).start([server], context);
    const front = await haproxyOver(count).start([client], { ...context, backend: async () => behind.port });
    return {
      ...front,
      async close() {
        await front.close();
        await behind.close();
      },
    };
  },
});

export const endpoints: Scenario = {
  name: SCENARIO,
  about: `CPU per request with ${MANY.endpoints} endpoints and ${MANY.routes} routes against ${FEW.endpoints} and ${FEW.routes}, HTTP/1.1, without a mesh behind and with one`,
  async run(context) {
    const proxies: Record<string, LoadFigures> = {};
    const rises: Record<string, RiseFigures> = {};
    const judged = context.takesPart('haproxy');
    const missing = judged ? haproxyOver(FEW.endpoints).missing() : undefined;
    // A quick run asks the one question.
    const kinds = {
      weft: plain,
      ...(!context.quick && { 'weft, meshed': meshed }),
      ...(!context.quick && judged && missing === undefined && { haproxy, 'haproxy, meshed': haproxyMeshed }),
    };
    for (const [kind, of] of Object.entries(kinds)) {
      const { proxies: figures, rise } = await compared({ name: SCENARIO, path: PATH, connections: 32, streams: 1 }, [of(FEW), of(MANY)], context);
      Object.assign(proxies, figures);
      rises[kind] = rise;
    }
    return { name: SCENARIO, proxies, rises, skipped: missing === undefined ? [] : [missing] };
  },
};
