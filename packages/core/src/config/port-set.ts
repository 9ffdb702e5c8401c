// Sets of ports, written `80,443,1000-2000`. spec/proxy.md §1.2.

/** Both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Sorted ranges that neither touch nor overlap: plain data, small for `0-65535` too. */
export type PortSet = readonly PortRange[];

/** `N` or `LO-HI`, blanks around. Undefined when it is something else, above 65535 or reversed. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^\s*([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?\s*$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}

/** A comma list of ranges; empty items are ignored. Undefined when any item is not a range. */
export function parsePortSet(text: string): PortSet | undefined {
  const ranges: PortRange[] = [];
  for (const item of text.split(',')) {
    if (item.trim() === '') continue;
    const range = parsePortRange(item);
    if (!range) return undefined;
    ranges.push(range);
  }
  return portSet(ranges);
}

/**
 * A comma list of port names, numbers and ranges, as annotations carry them: names first, and what is none of these is left
 * out. spec/control-plane.md §1.6.
 */
export function portList(text: string, portOf: (name: string) => number | undefined): PortSet {
  return portSet(
    text.split(',').flatMap((item) => {
      const named = portOf(item.trim());
      return named === undefined ? (parsePortRange(item) ?? []) : { first: named, last: named };
    }),
  );
}

/** The union of any ranges. */
export function portSet(ranges: Iterable<PortRange>): PortSet {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const open = merged.at(-1);
    if (open && first <= open.last + 1) open.last = Math.max(open.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

export function portSetHas(set: PortSet, port: number): boolean {
  return set.some((range) => range.first <= port && port <= range.last);
}

/** Every port in ascending order. */
export function* portsOf(set: PortSet): Generator<number, void, undefined> {
  for (const { first, last } of set) for (let port = first; port <= last; port++) yield port;
}

export function formatPortSet(set: PortSet): string {
  return set.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}
