// What a thousand endpoints cost against two: CPU per request may rise by less than a quarter.
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import { readyProxy } from '../../test/acceptance/process/proxy-process.ts';
import { NAME, SERVICE } from '../../test/acceptance/process/scenes.ts';
import { straight } from '../hop.ts';
import type { LoadFigures } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { compared, type Setup } from './compared.ts';

const COUNT = 1_000;
const FEW = 2;

/** All lead to the same backend, each by connections of its own. */
function setup(count: number): Setup {
  const addresses = Array.from({ length: count }, (_, n) => ({ ip: `10.42.${Math.floor(n / 250) + 1}.${(n % 250) + 1}`, port: 8080 }));
  return {
    label: `${count} endpoints`,
    prepare: (control: ControlPlane) =>
      control.endpointsOf(NAME).set(addresses.map((address) => ({ address, weight: 1, labels: { deployment: 'app' }, hint: 'none' }))),
    start: (control, port) => {
      const dial = Object.fromEntries(addresses.map(({ ip }) => [`${ip}:8080`, `127.0.0.1:${port}`]));
      return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env: { LINKERD2_PROXY_LOG: 'info' } });
    },
  };
}

export const endpoints: Scenario = {
  name: `endpoints-${COUNT}`,
  about: `CPU per request with ${COUNT} endpoints of a Service against ${FEW}, HTTP/1.1`,
  async run(context) {
    const name = `endpoints-${COUNT}`;
    const figures = await compared({ name, path: straight('h1'), connections: 32, streams: 1 }, [setup(FEW), setup(COUNT)], context);
    const [few, many] = Object.values(figures).map(({ cpu_us_per_request }) => cpu_us_per_request);
    context.log(`${name}: ${(((many ?? Number.NaN) / (few ?? Number.NaN) - 1) * 100).toFixed(1)} % more CPU per request`);
    const proxies: Record<string, LoadFigures> = Object.fromEntries(Object.entries(figures).map(([label, figure]) => [`weft, ${label}`, figure]));
    return { name, proxies };
  },
};
