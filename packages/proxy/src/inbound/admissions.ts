// What admitted requests are counted in: bound once for all connections of one client to one target, by rule and authorization.
import type { Authorization, Counter, Labels } from '@weft/core';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { LabelSets } from '../observe/label-sets.ts';
import type { InboundRulePlan } from '../route/inbound-plan.ts';

/** What one rule's admissions are counted in. */
export interface Admission {
  readonly meter: HttpMeter;
  readonly allowed: Counter;
  readonly audited: boolean;
  /** Of the authority that was named last: requests of one client mostly have the same. */
  named: HttpMeter | undefined;
}

/** Goes with the rules, which are the plan's. */
export type ClientAdmissions = WeakMap<InboundRulePlan, Map<Authorization, Admission>>;

export class Admissions {
  readonly #sets = new LabelSets();
  readonly #byClient = new WeakMap<Labels, ClientAdmissions>();

  /** `labels`: of the target and of the client's TLS. */
  of(labels: Labels): ClientAdmissions {
    const client = this.#sets.of(labels);
    let admissions = this.#byClient.get(client);
    if (!admissions) this.#byClient.set(client, (admissions = new WeakMap()));
    return admissions;
  }
}
