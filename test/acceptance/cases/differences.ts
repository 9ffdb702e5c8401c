// Where implementations differ from what a case says, each with the reason; by the name of the program, then of the case. A difference that
// is gone fails the run. Those of our own proxy are gaps (docs/limits.md), those of others must follow from spec/.
export const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  weft: {
    retry_reconnect_errors: 'an application that refuses HTTP/2 connections is answered for at once with 502, not tried again for a second',
  },
  'linkerd2-proxy': {},
};
