// Which version of a group comes first: stable before beta before alpha, newer before older. Kubernetes "Version priority".

/** For sorting: negative when `a` is preferred. Names that are no Kubernetes versions come last, by alphabet. */
export function compareVersions(a: string, b: string): number {
  const x = rank(a);
  const y = rank(b);
  if (!x || !y) return x ? -1 : y ? 1 : a < b ? -1 : a > b ? 1 : 0;
  for (const [i, value] of x.entries()) {
    const difference = (y[i] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(version: string): readonly number[] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return undefined;
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return [stage, Number(match[1]), Number(match[3] ?? 0)];
}
