// The endpoints of one port of one Service at a moment, and what each kind of client gets of them. Clients of one kind share one snapshot.
import type { Endpoint } from '@weft/core';
import { type EndpointFilter, filterCandidates } from '../filter/filter.ts';
import { type Candidate, localityOf } from './candidate.ts';
import type { CandidateMap } from './candidates.ts';

/** Endpoints by `ip:port`. Unchanged endpoints keep their object, and unchanged snapshots theirs. */
export type Snapshot = ReadonlyMap<string, Endpoint>;

export const EMPTY: Snapshot = new Map();

/** Views that are kept for reuse. Host names come from clients. */
const MAX_VIEWS = 1024;

export class PortEndpoints {
  readonly exists: boolean;
  readonly candidates: CandidateMap;
  readonly #nodeLocal: boolean;
  readonly #ipv6: boolean;
  readonly #list: readonly Candidate[];
  readonly #views = new Map<string, Snapshot>();
  #previous: PortEndpoints | undefined;

  constructor(options: {
    readonly exists: boolean;
    readonly candidates: CandidateMap;
    readonly nodeLocal: boolean;
    readonly ipv6: boolean;
    readonly previous?: PortEndpoints | undefined;
  }) {
    this.exists = options.exists;
    this.candidates = options.candidates;
    this.#nodeLocal = options.nodeLocal;
    this.#ipv6 = options.ipv6;
    this.#list = [...options.candidates.values()];
    this.#previous = options.previous;
    options.previous?.forgetPrevious();
  }

  view(filter: EndpointFilter): Snapshot {
    const key = `${filter.hostname ?? ''}|${filter.zone ?? ''}|${filter.byPlace ? (this.#nodeLocal ? `node ${filter.nodeName}` : 'near') : 'all'}`;
    const known = this.#views.get(key);
    if (known) return known;
    const made = new Map<string, Endpoint>();
    for (const candidate of filterCandidates(this.#list, filter, { nodeLocal: this.#nodeLocal, ipv6: this.#ipv6 })) {
      made.set(candidate.key, candidate.description.at(localityOf(candidate.zone, filter.zone)));
    }
    const before = this.#previous?.known(key);
    const snapshot = before && sameSnapshot(before, made) ? before : made;
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    this.#views.set(key, snapshot);
    return snapshot;
  }

  private known(key: string): Snapshot | undefined {
    return this.#views.get(key);
  }

  /** Only the last one is compared with: otherwise each would keep all before it. */
  private forgetPrevious(): void {
    this.#previous = undefined;
  }
}

function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  if (a.size !== b.size) return false;
  for (const [key, endpoint] of a) if (b.get(key) !== endpoint) return false;
  return true;
}
