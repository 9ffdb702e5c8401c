// Choosing among endpoints, and waiting for one. spec/proxy.md §6.1 – §6.3, §10.6 (P2C, queue, failfast).
import { expect } from 'vitest';
import { get } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { NAME, SERVICE } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { accruing, balancing, scriptedApplication, setEndpoints } from './scripted-application.ts';

const plain = accruing(undefined);
const penalized = accruing(undefined, {
  kind: 'balancer',
  path: NAME,
  load: { kind: 'penalty-peak-ewma', defaultRttMs: 30, decayMs: 10_000, penaltyMs: 5_000, penaltyDecayMs: 10_000, maxRetryAfterMs: 300_000 },
});
const failfastAfter = (time: string) => ({ LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: time });
const ask = async (at: string): Promise<number> => (await get(at, { headers: { host: 'server' } })).status;

acceptanceCase('p2c_picks_lower_load', async () => {
  await using fast = await scriptedApplication();
  await using slow = await scriptedApplication();
  slow.delayMs = 250;
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, [fast.port, slow.port]);
  await using proxy = await balancing(control, [fast.port, slow.port]);
  for (let n = 0; n < 60; n++) expect(await ask(proxy.outboundAddress(SERVICE))).toBe(200);
  // Once it is known how slow it is, both would have to be equal for it to be asked again.
  expect(slow.seen).toBeLessThanOrEqual(2);
});

acceptanceCase('penalty_keeps_requests_from_failing_endpoint', async () => {
  await using good = await scriptedApplication();
  await using bad = await scriptedApplication(503);
  await using control = await controlPlane().outbound(SERVICE, penalized).start();
  setEndpoints(control, [good.port, bad.port]);
  await using proxy = await balancing(control, [good.port, bad.port]);
  for (let n = 0; n < 60; n++) await ask(proxy.outboundAddress(SERVICE));
  expect([good.seen + bad.seen, bad.seen <= 2]).toEqual([60, true]);
});

acceptanceCase('failfast_opens_and_recovers', async () => {
  await using application = await scriptedApplication();
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, []);
  await using proxy = await balancing(control, [application.port], failfastAfter('500ms'));
  const at = proxy.outboundAddress(SERVICE);
  const begun = performance.now();
  expect(await ask(at)).toBe(504);
  expect(performance.now() - begun).toBeGreaterThan(450);
  setEndpoints(control, [application.port]);
  await expect.poll(() => ask(at), { interval: 20, timeout: 5_000 }).toBe(200);
  expect(await proxy.metric('outbound_http_balancer_endpoints', { endpoint_state: 'ready' })).toBe(1);
  expect(await proxy.metric('outbound_http_balancer_queue_gate_shut_total')).toBe(1);
});

acceptanceCase('queued_requests_are_served_in_time', async () => {
  await using application = await scriptedApplication();
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, []);
  await using proxy = await balancing(control, [application.port], failfastAfter('20s'));
  const waiting = Promise.all(Array.from({ length: 5 }, () => ask(proxy.outboundAddress(SERVICE))));
  await expect.poll(() => proxy.metric('outbound_http_balancer_queue_requests_total'), { interval: 20, timeout: 5_000 }).toBe(5);
  setEndpoints(control, [application.port]);
  expect(await waiting).toEqual([200, 200, 200, 200, 200]);
});

acceptanceCase('queued_requests_fail_at_timeout', async () => {
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, []);
  await using proxy = await balancing(control, [], failfastAfter('300ms'));
  const at = proxy.outboundAddress(SERVICE);
  expect(await Promise.all(Array.from({ length: 5 }, () => ask(at)))).toEqual([504, 504, 504, 504, 504]);
  // From then on they are shed at once.
  const begun = performance.now();
  for (let n = 0; n < 5; n++) expect(await ask(at)).toBe(503);
  expect(performance.now() - begun).toBeLessThan(1_000);
});

acceptanceCase('full_queue_sheds_load', async () => {
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, []);
  await using proxy = await balancing(control, [], { ...failfastAfter('1s'), LINKERD2_PROXY_OUTBOUND_HTTP_QUEUE_CAPACITY: '1' });
  const at = proxy.outboundAddress(SERVICE);
  const statuses = await Promise.all(Array.from({ length: 20 }, () => ask(at)));
  expect([new Set(statuses), statuses.filter((status) => status === 503).length > 10]).toEqual([new Set([503, 504]), true]);
});

acceptanceCase('endpoint_changes_keep_requests_in_flight', async () => {
  await using leaving = await scriptedApplication();
  await using coming = await scriptedApplication();
  leaving.delayMs = 700;
  await using control = await controlPlane().outbound(SERVICE, plain).start();
  setEndpoints(control, [leaving.port]);
  await using proxy = await balancing(control, [leaving.port, coming.port]);
  const at = proxy.outboundAddress(SERVICE);
  const inFlight = Promise.all([ask(at), ask(at), ask(at)]);
  await expect.poll(() => leaving.seen, { interval: 5 }).toBe(3);
  const address = { ip: '10.42.2.2', port: 8080 };
  control.endpointsOf(NAME).set([{ address, weight: 1, labels: {}, hint: 'none' }]);
  const reached = async (): Promise<boolean> => {
    await ask(at);
    return coming.seen > 0;
  };
  await expect.poll(reached, { interval: 5 }).toBe(true);
  expect(await inFlight).toEqual([200, 200, 200]);
});
