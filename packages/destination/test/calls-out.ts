// Calls that have not come back yet. A test that moves virtual time looks at them: what is read from a file, or comes over a socket, takes real time,
// and how many turns of the event loop that is depends on the machine.
import type { Resolver } from '../src/dns/resolver.ts';

export interface CallsOut {
  /** Of the functions that are counted. */
  readonly count: number;
  /** The same function, counted from its call until its promise is settled. */
  counted<Args extends unknown[], T>(call: (...args: Args) => Promise<T>): (...args: Args) => Promise<T>;
  resolver(resolver: Resolver): Resolver;
}

export function callsOut(): CallsOut {
  let count = 0;
  const calls: CallsOut = {
    get count() {
      return count;
    },
    counted:
      (call) =>
      async (...args) => {
        count++;
        try {
          return await call(...args);
        } finally {
          count--;
        }
      },
    resolver: ({ resolve, resolveHost, resolveService }) => ({
      resolve: calls.counted(resolve),
      resolveHost: calls.counted(resolveHost),
      resolveService: calls.counted(resolveService),
    }),
  };
  return calls;
}
