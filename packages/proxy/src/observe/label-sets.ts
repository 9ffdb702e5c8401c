// One object for labels that are equal, so that what is bound to them is bound once for all connections that have them.
import type { Labels } from '@weft/core';

/** Labels that are kept at hand; what is in use lives on by itself. */
const MAX_KEPT = 1024;

export class LabelSets {
  readonly #kept = new Map<string, Labels>();

  /** The first of those that are equal. Values are told apart by type, names by their order. */
  of(labels: Labels): Labels {
    const key = JSON.stringify(labels);
    const known = this.#kept.get(key);
    if (known) return known;
    // Sharing saves memory, it is not counted on: anew is as good as the oldest first.
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(key, labels);
    return labels;
  }
}
