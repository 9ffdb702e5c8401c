// Changes to the tree of a JSON text: members and elements go, move, double, or become something else.
import { type Random, randomInt } from '@weft/core';
import { pickOne } from './mutate.ts';
import type { Mutator } from './target.ts';

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

/** `words` are put in as values and as keys. */
export function jsonMutator(words: readonly string[]): Mutator {
  return (input, random) => {
    let root: Tree;
    try {
      root = JSON.parse(input.toString('utf8')) as Tree;
    } catch {
      return undefined;
    }
    const places = placesIn(root);
    const place = pickOne(random, places);
    if (!place) return Buffer.from(JSON.stringify(leaf(random, words)));
    const other = pickOne(random, places);
    changeAt(place, other === undefined ? null : valueAt(other), random, words);
    return Buffer.from(JSON.stringify(root));
  };
}

type Place = { readonly list: Tree[]; readonly index: number } | { readonly object: { [key: string]: Tree }; readonly key: string };

function placesIn(root: Tree): Place[] {
  const places: Place[] = [];
  const open: Tree[] = [root];
  for (let next = open.pop(); next !== undefined && places.length < 2000; next = open.pop()) {
    if (Array.isArray(next)) {
      const list = next;
      places.push(...list.map((_item, index) => ({ list, index })));
      open.push(...list);
    } else if (typeof next === 'object' && next !== null) {
      const object = next;
      places.push(...Object.keys(object).map((key) => ({ object, key })));
      open.push(...Object.values(object));
    }
  }
  return places;
}

function valueAt(place: Place): Tree {
  return ('list' in place ? place.list[place.index] : place.object[place.key]) ?? null;
}

function changeAt(place: Place, other: Tree, random: Random, words: readonly string[]): void {
  const copy = (): Tree => structuredClone(other);
  const value = random.next() < 0.5 ? leaf(random, words) : copy();
  const kind = randomInt(random, 5);
  if ('list' in place) {
    if (kind === 0) place.list.splice(place.index, 1);
    else if (kind === 1) place.list.splice(place.index, 0, value);
    else if (kind === 2) place.list.push(structuredClone(valueAt(place)));
    else place.list[place.index] = kind === 3 ? value : [valueAt(place)];
    return;
  }
  const name = pickOne(random, words) ?? 'x';
  if (kind === 0) delete place.object[place.key];
  else if (kind === 1) define(place.object, name, value);
  else if (kind === 2) define(place.object, name, valueAt(place));
  else place.object[place.key] = kind === 3 ? value : { [place.key]: valueAt(place) };
}

/** Also for the key `__proto__`. */
function define(object: { [key: string]: Tree }, key: string, value: Tree): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function leaf(random: Random, words: readonly string[]): Tree {
  switch (randomInt(random, 8)) {
    case 0:
      return null;
    case 1:
      return random.next() < 0.5;
    case 2:
      return pickOne(random, [0, -1, 1, 1.5, 65_535, 65_536, 1e21, -0, 2 ** 53]) ?? 0;
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return '';
    default:
      return pickOne(random, words) ?? '';
  }
}
