// How many pods each ReplicaSet of a Deployment should have next. Kubernetes "Deployments", rolling update strategy. Pure.

/** One ReplicaSet as the plan sees it. */
export interface ReplicaSetScale {
  readonly name: string;
  /** `spec.replicas`. */
  readonly desired: number;
  /** Pods that exist. */
  readonly present: number;
  readonly available: number;
}

export interface RolloutStrategy {
  readonly type: 'RollingUpdate' | 'Recreate';
  /** Number or percentage. Default 25 %. */
  readonly maxSurge?: number | string | undefined;
  readonly maxUnavailable?: number | string | undefined;
}

/** The new `spec.replicas` of each set that has to change; `newest` is the set of the present template. */
export function planRollout(
  replicas: number,
  strategy: RolloutStrategy,
  newest: ReplicaSetScale,
  older: readonly ReplicaSetScale[],
): ReadonlyMap<string, number> {
  const plan = new Map<string, number>();
  const want = (set: ReplicaSetScale, count: number): void => {
    if (set.desired !== count) plan.set(set.name, count);
  };
  const oldPods = older.reduce((sum, set) => sum + Math.max(set.desired, set.present), 0);
  if (strategy.type === 'Recreate') {
    for (const set of older) want(set, 0);
    if (oldPods === 0) want(newest, replicas);
    return plan;
  }
  let surge = share(strategy.maxSurge ?? '25%', replicas, Math.ceil);
  const slack = share(strategy.maxUnavailable ?? '25%', replicas, Math.floor);
  if (surge === 0 && slack === 0) surge = 1;

  const oldDesired = older.reduce((sum, set) => sum + set.desired, 0);
  const room = replicas + surge - oldDesired;
  const next = newest.desired > replicas ? replicas : Math.min(replicas, Math.max(newest.desired, room));
  want(newest, next);

  // Old pods go when the rest still serves: those that serve nobody first.
  const available = newest.available + older.reduce((sum, set) => sum + set.available, 0);
  let spare = available - (replicas - slack);
  for (const set of older) {
    const idle = Math.max(0, set.desired - set.available);
    const cut = Math.min(set.desired - idle, Math.max(0, spare));
    spare -= cut;
    want(set, set.desired - idle - cut);
  }
  return plan;
}

function share(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return Math.max(0, value);
  const percent = Number(value.replace(/%$/, ''));
  return Number.isFinite(percent) ? Math.max(0, value.endsWith('%') ? round((percent / 100) * total) : percent) : 0;
}
