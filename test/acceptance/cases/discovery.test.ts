// What becomes of requests as discovery answers, ends, fails and changes. spec/proxy.md §5.1, §5.2, §6.3, §10.2 (discovery.rs).
import { expect } from 'vitest';
import { tcpApplication } from '../process/applications.ts';
import { type ControlPlane, type ControlPlaneBuilder, controlPlane } from '../process/control-plane.ts';
import type { Environment } from '../process/launch.ts';
import { type ProxyProcess, readyProxy } from '../process/proxy-process.ts';
import { alone, NAME, SERVICE } from '../process/scenes.ts';
import { balanced, detectPolicy } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { VERSIONS } from './versions.ts';

/** So that nothing has to be waited for that is meant to fail. */
const SHORT: Environment = { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '300ms' };
const ADDRESS = { ip: '10.42.0.9', port: 8080 };

const named = (): ControlPlaneBuilder => controlPlane().outbound(SERVICE, detectPolicy(balanced(NAME)));
const gets = (control: ControlPlane): number => control.requests.filter((request) => request === `Get ${NAME}`).length;

/** Whatever discovery says, this is where the connection was going. */
function orDirect(control: ControlPlane, port: number, env: Environment = {}): Promise<ProxyProcess> {
  const dial = { [SERVICE]: `127.0.0.1:${port}` };
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env });
}

for (const version of VERSIONS) {
  acceptanceCase(`outbound_asks_controller_api (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await named().start();
    await using proxy = await alone(control, app.port);
    expect(await version.ask(proxy.outboundAddress(SERVICE))).toMatchObject({ status: 200, body: 'app' });
    expect(gets(control)).toBe(1);
  });

  acceptanceCase(`dst_resolutions_are_cached (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await named().start();
    await using proxy = await alone(control, app.port);
    for (let i = 0; i < 3; i++) expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(200);
    expect(gets(control)).toBe(1);
  });

  acceptanceCase(`outbound_reconnects_if_controller_stream_ends (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await named().start();
    await using proxy = await alone(control, app.port);
    expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(200);
    control.end(`Get ${NAME}`);
    await expect.poll(() => gets(control), { interval: 10 }).toBeGreaterThan(1);
    expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(200);
  });

  for (const [name, set] of [
    ['no_endpoints', (control: ControlPlane) => control.endpointsOf(NAME).set([])],
    ['does_not_exist', (control: ControlPlane) => control.endpointsOf(NAME).absent()],
  ] as const) {
    acceptanceCase(`outbound_fails_fast ${name} (${version.name})`, async () => {
      await using app = await version.application('app');
      await using control = await named().start();
      set(control);
      await using proxy = await orDirect(control, app.port, SHORT);
      expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(504);
      expect(app.heads).toEqual([]);
    });
  }

  acceptanceCase(`outbound_falls_back_to_orig_dst outside_search_path (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await controlPlane().start();
    await using proxy = await orDirect(control, app.port, { LINKERD2_PROXY_DESTINATION_PROFILE_NETWORKS: '192.168.0.0/16' });
    expect(await version.ask(proxy.outboundAddress(SERVICE))).toMatchObject({ status: 200, body: 'app' });
    expect(control.requests).not.toContain(`GetProfile ${SERVICE}`);
  });

  acceptanceCase(`outbound_falls_back_to_orig_dst after_invalid_argument (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await controlPlane().noProfile(SERVICE).start();
    await using proxy = await orDirect(control, app.port);
    expect(await version.ask(proxy.outboundAddress(SERVICE))).toMatchObject({ status: 200, body: 'app' });
    expect(control.requests).toContain(`GetProfile ${SERVICE}`);
  });

  for (const [name, set] of [
    ['empty', (control: ControlPlane) => control.endpointsOf(NAME).set([])],
    ['dne', (control: ControlPlane) => control.endpointsOf(NAME).absent()],
  ] as const) {
    acceptanceCase(`outbound_destinations_reset_on_reconnect_followed_by_${name} (${version.name})`, async () => {
      await using app = await version.application('app');
      await using control = await named().start();
      await using proxy = await alone(control, app.port, SHORT);
      expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(200);
      control.end(`Get ${NAME}`);
      set(control);
      await expect.poll(async () => (await version.ask(proxy.outboundAddress(SERVICE))).status, { interval: 10, timeout: 10_000 }).toBe(504);
    });
  }

  acceptanceCase(`outbound_times_out (${version.name})`, async () => {
    // Connections are taken, and handshakes never answered.
    await using app = await tcpApplication(() => undefined);
    await using control = await named().start();
    const name = 'silent.ns.serviceaccount.identity.linkerd.cluster.local';
    const identity = { id: { kind: 'dns', name } as const, serverName: name };
    control.endpointsOf(NAME).set([{ address: ADDRESS, weight: 1, labels: {}, hint: 'h2', identity }]);
    const dial = { [`${ADDRESS.ip}:${ADDRESS.port}`]: `127.0.0.1:${app.port}` };
    await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env: SHORT });
    expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(504);
  });

  acceptanceCase(`outbound_error_reconnects_after_backoff (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await named().start();
    control.failNext(`Get ${NAME}`);
    await using proxy = await alone(control, app.port);
    expect((await version.ask(proxy.outboundAddress(SERVICE))).status).toBe(200);
    expect(gets(control)).toBe(2);
  });

  if (version.name !== 'http2') continue;
  acceptanceCase(`outbound_balancer_waits_for_ready_endpoint (${version.name})`, async () => {
    await using app = await version.application('app');
    await using broken = await version.application('broken');
    await using control = await named().start();
    const endpoint = (ip: string) => ({ address: { ip, port: 8080 }, weight: 1, labels: {}, hint: 'none' }) as const;
    control.endpointsOf(NAME).set([endpoint('10.42.1.1')]);
    const dial = { '10.42.1.1:8080': `127.0.0.1:${broken.port}`, '10.42.1.2:8080': `127.0.0.1:${app.port}` };
    await broken[Symbol.asyncDispose]();
    await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial });
    const answering = version.ask(proxy.outboundAddress(SERVICE));
    await expect.poll(() => gets(control), { interval: 10 }).toBe(1);
    control.endpointsOf(NAME).set([endpoint('10.42.1.1'), endpoint('10.42.1.2')]);
    expect(await answering).toMatchObject({ status: 200, body: 'app' });
    for (let i = 0; i < 5; i++) expect((await version.ask(proxy.outboundAddress(SERVICE))).body).toBe('app');
  });
}
