// What a hundred routes cost against one: CPU per request may rise by less than a quarter.
import type { HttpMatch } from '@weft/core';
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import { NAME, SERVICE } from '../../test/acceptance/process/scenes.ts';
import { balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol, type Rule } from '../../test/acceptance/proxy/policies.ts';
import { type Protocol, straight } from '../hop.ts';
import type { LoadFigures, RiseFigures } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { compared, ours, type Setup } from './compared.ts';

const COUNT = 100;
const TO = firstOf(balanced(NAME));

/** What routes of an API look like, in turns. None takes the request of the load, and those by header are asked each time. */
const KINDS: readonly ((n: number) => Partial<HttpMatch>)[] = [
  (n) => ({ path: { kind: 'prefix', value: `/api/v1/resource-${n}` } }),
  (n) => ({ path: { kind: 'exact', value: `/api/v1/resource-${n}/list` }, method: 'GET' }),
  (n) => ({ path: { kind: 'prefix', value: `/api/v2/resource-${n}` }, method: 'POST' }),
  (n) => ({ path: { kind: 'regex', regex: `/api/v3/resource-${n}/[0-9a-f]+(?:/.*)?` } }),
  (n) => ({ headers: [{ name: 'x-variant', value: { kind: 'exact', value: `variant-${n}` } }] }),
];

/** So many routes, of which the last takes all requests. */
export function policyOf(routes: number) {
  const rules: Rule[] = Array.from({ length: routes - 1 }, (_, n) => ({ match: KINDS[n % KINDS.length]?.(n) ?? {}, to: TO }));
  const http = httpProtocol(...rules, { to: TO });
  // A route for each rule, as as many HTTPRoutes give.
  const [first] = http.routes;
  const split = first ? { routes: first.rules.map((rule) => ({ ...first, rules: [rule] })) } : http;
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(TO), http1: split, http2: split });
}

const setup = (routes: number, backend: Protocol): Setup =>
  ours({
    label: `${routes} route${routes === 1 ? '' : 's'}`,
    prepare: (control: ControlPlane) => control.outboundOf(SERVICE).set(policyOf(routes)),
    backend,
  });

export const routes: Scenario = {
  name: `routes-${COUNT}`,
  about: `CPU per request with ${COUNT} routes against one, HTTP/1.1 and HTTP/2`,
  async run(context) {
    const proxies: Record<string, LoadFigures> = {};
    const rises: Record<string, RiseFigures> = {};
    for (const [label, version, work] of [
      ['HTTP/1.1', 'h1', { path: straight('h1'), connections: 32, streams: 1 }],
      ['HTTP/2', 'h2', { path: straight('h2'), connections: 4, streams: 32 }],
    ] as const) {
      const { proxies: figures, rise } = await compared({ name: `routes-${COUNT}`, ...work }, [setup(1, version), setup(COUNT, version)], context);
      for (const [routes, figure] of Object.entries(figures)) proxies[`weft, ${label}, ${routes}`] = figure;
      rises[`weft, ${label}`] = rise;
    }
    return { name: `routes-${COUNT}`, proxies, rises };
  },
};
