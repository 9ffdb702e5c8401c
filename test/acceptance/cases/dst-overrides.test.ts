// A ServiceProfile that splits traffic, and changes while requests flow. spec/proxy.md §7.7, §10.3 (profile_dst_overrides.rs).
import type { Profile } from '@weft/core';
import { expect } from 'vitest';
import { controlPlane } from '../process/control-plane.ts';
import { NAME, SERVICE } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { nameOf, routedTo } from './routed.ts';
import { HTTP1, type NamedApplication } from './versions.ts';

const APEX = NAME.replace(/:80$/, '');

function profile(weights: Readonly<Record<string, number>>): Profile {
  const overrides = Object.entries(weights).map(([name, weight]) => ({ authority: nameOf(name), weight }));
  // With a route the profile drives HTTP from the first request on, whatever it overrides.
  const any = { condition: { kind: 'path', regex: '/.*' }, responseClasses: [], labels: { route: 'any' }, isRetryable: false } as const;
  return { fullyQualifiedName: APEX, opaqueProtocol: false, routes: [any], overrides };
}

interface Scene extends AsyncDisposable {
  split(weights: Readonly<Record<string, number>>): void;
  /** Who answers this many requests. */
  answers(requests: number): Promise<Readonly<Record<string, number>>>;
  /** Resolves once these, and nobody else, answer. */
  onlyAnswer(...names: string[]): Promise<void>;
}

/** The apex is called `server`; a and b are others. */
async function scene(weights: Readonly<Record<string, number>>): Promise<Scene> {
  const applications: NamedApplication[] = [];
  const ports: Record<string, number> = {};
  for (const name of ['server', 'a', 'b']) {
    const application = await HTTP1.application(name);
    applications.push(application);
    ports[name] = application.port;
  }
  const control = await controlPlane().profile(SERVICE, profile(weights)).start();
  const proxy = await routedTo(control, ports);
  const answers = async (requests: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < requests; i++) {
      const { body } = await HTTP1.ask(proxy.outboundAddress(SERVICE));
      counts[body] = (counts[body] ?? 0) + 1;
    }
    return counts;
  };
  return {
    split: (next) => control.profileOf(SERVICE).set(profile(next)),
    answers,
    onlyAnswer: (...names) => expect.poll(async () => Object.keys(await answers(20)).sort()).toEqual(names),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await control[Symbol.asyncDispose]();
      for (const application of applications) await application[Symbol.asyncDispose]();
    },
  };
}

acceptanceCase('add_a_dst_override', async () => {
  await using split = await scene({});
  expect(await split.answers(10)).toEqual({ server: 10 });
  split.split({ a: 10_000 });
  await split.onlyAnswer('a');
});

acceptanceCase('add_multiple_dst_overrides', async () => {
  await using split = await scene({});
  expect(await split.answers(10)).toEqual({ server: 10 });
  split.split({ a: 5_000, b: 5_000 });
  await split.onlyAnswer('a', 'b');
  const { a = 0, b = 0 } = await split.answers(100);
  expect(Math.abs(a - b)).toBeLessThan(60);
});

acceptanceCase('set_a_dst_override_weight_to_zero', async () => {
  await using split = await scene({ a: 5_000, b: 5_000 });
  await split.onlyAnswer('a', 'b');
  split.split({ a: 5_000, b: 0 });
  await split.onlyAnswer('a');
});

acceptanceCase('set_all_dst_override_weights_to_zero', async () => {
  await using split = await scene({ a: 5_000, b: 5_000 });
  await split.onlyAnswer('a', 'b');
  split.split({ a: 0, b: 0 });
  await split.onlyAnswer('server');
});

acceptanceCase('remove_a_dst_override', async () => {
  await using split = await scene({ a: 5_000 });
  await split.onlyAnswer('a');
  split.split({});
  await split.onlyAnswer('server');
});

acceptanceCase('l5d-dst-canonical on routes of a profile, and on no others', async () => {
  await using app = await HTTP1.application('app');
  await using control = await controlPlane()
    .profile(SERVICE, profile({ app: 1 }))
    .start();
  await using proxy = await routedTo(control, { app: app.port });
  await HTTP1.ask(proxy.outboundAddress(SERVICE));
  expect(app.heads[0]?.['l5d-dst-canonical']).toBe(NAME);
});
