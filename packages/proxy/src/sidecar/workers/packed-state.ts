// A state of a Watch on its way to another thread. Entries of a list that were in the one before are sent as their place in
// it, so that they are the same objects again on the other side: balancers tell by identity what has changed.
import type { WatchState } from '@weft/core';

export type PackedState = Exclude<WatchState<unknown>, { readonly kind: 'pending' }> | PackedList;

interface PackedList {
  readonly kind: 'list';
  readonly stale: boolean;
  /** Places in the list before, or `[entry]` where it is new. */
  readonly entries: readonly (number | readonly [unknown])[];
}

/** One for each subscription: states must be unpacked in the order in which they were packed. */
export class StatePacker {
  #places = new Map<unknown, number>();

  pack(state: Exclude<WatchState<unknown>, { readonly kind: 'pending' }>): PackedState {
    if (state.kind !== 'value' || !Array.isArray(state.value)) return state;
    const list: readonly unknown[] = state.value;
    const entries = list.map((entry) => this.#places.get(entry) ?? ([entry] as const));
    this.#places = new Map(list.map((entry, place) => [entry, place]));
    return { kind: 'list', stale: state.stale, entries };
  }
}

export class StateUnpacker {
  #last: readonly unknown[] = [];

  unpack(state: PackedState): WatchState<unknown> {
    if (state.kind !== 'list') return state;
    this.#last = Object.freeze(state.entries.map((entry) => (typeof entry === 'number' ? this.#last[entry] : entry[0])));
    return { kind: 'value', value: this.#last, stale: state.stale };
  }
}
