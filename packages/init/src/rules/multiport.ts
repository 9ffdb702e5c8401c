// Ports and ranges packed for the multiport match, which has fifteen slots: a range takes two. spec/injector-cli.md §2.2.
import { InitError } from './settings.ts';

const SLOTS = 15;

interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Parses `N` or `a-b`; throws with a sentence that names the item. */
export function parsePortRange(item: string): PortRange {
  const parts = item.split('-');
  if (parts.length > 2) throw problem(item, 'ranges expected as <lower>-<upper>');
  const low = parsePort(parts[0] ?? '', item, 'lower-bound');
  const high = parts.length === 1 ? low : parsePort(parts[1] ?? '', item, 'upper-bound');
  if (high < low) throw problem(item, 'upper-bound must be greater than or equal to lower-bound');
  return { low, high };
}

/** The `--dports` values that cover all items, in order, each within the fifteen slots. */
export function packPorts(items: readonly string[]): readonly string[] {
  const groups: string[] = [];
  let current: string[] = [];
  let used = 0;
  for (const item of items) {
    const { low, high } = parsePortRange(item);
    const cost = low === high ? 1 : 2;
    if (used + cost > SLOTS) {
      groups.push(current.join(','));
      current = [];
      used = 0;
    }
    current.push(low === high ? String(low) : `${low}:${high}`);
    used += cost;
  }
  return current.length === 0 ? groups : [...groups, current.join(',')];
}

function parsePort(text: string, item: string, name: string): number {
  const trimmed = text.trim();
  const port = Number(trimmed);
  if (!/^[0-9]{1,5}$/.test(trimmed) || port > 65535) throw problem(item, `"${trimmed}" is not a valid ${name}`);
  return port;
}

function problem(item: string, sentence: string): InitError {
  return new InitError('SETTINGS_INVALID', [`port "${item}": ${sentence}`]);
}
