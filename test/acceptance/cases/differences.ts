// Where implementations differ from what a case says, each with the reason that spec/ gives; by the name of the program, then of the case.
export const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'linkerd2-proxy': {},
};
