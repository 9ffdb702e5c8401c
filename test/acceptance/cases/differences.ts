// Where implementations differ from what a case says, each with the reason; by the name of the program, then of the case. A difference that
// is gone fails the run. Those of our own proxy are gaps (docs/limits.md), those of others must follow from spec/.
export const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  weft: {},
  'linkerd2-proxy': {
    'gRPC response timeout: trailers': 'after the head a timeout is an internal error there, grpc-status 13',
    'the bytes of a response are counted': 'they are always 0 there',
  },
};
