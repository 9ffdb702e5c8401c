// Labels as Prometheus text: checked names, escaped values, no stray commas. Prometheus exposition format 0.0.4; spec/proxy.md §9.3.

/** Labels of one series, in the order in which they are to be shown. An undefined value leaves the label out. */
export type Labels = Readonly<Record<string, string | number | undefined>>;

export interface LabelText {
  /** `a="1",b="2"` in the order given; empty without labels. */
  readonly text: string;
  /** The same with sorted names: equal for equal labels. */
  readonly key: string;
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Of labels that series of several families have: each text is kept once. */
const known = new WeakMap<Labels, LabelText>();

/**
 * Names that are no label names (they may come from annotations) have each bad character replaced by `_`; of two that become equal the first stays.
 * The same object for the same labels, which must not change.
 */
export function labelText(labels: Labels): LabelText {
  let text = known.get(labels);
  if (text === undefined) {
    text = textOf(labels);
    known.set(labels, text);
  }
  return text;
}

function textOf(labels: Labels): LabelText {
  const seen = new Set<string>();
  const parts: string[] = [];
  for (const name in labels) {
    const value = labels[name];
    if (value === undefined) continue;
    const safe = labelName(name);
    if (seen.has(safe)) continue;
    seen.add(safe);
    parts.push(`${safe}="${escapeLabelValue(String(value))}"`);
  }
  const text = parts.join(',');
  return { text, key: parts.length < 2 ? text : parts.sort().join(',') };
}

function labelName(name: string): string {
  if (NAME.test(name)) return name;
  const safe = name.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(safe) || safe === '' ? `_${safe}` : safe;
}

export function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value;
}

export function escapeHelp(help: string): string {
  return help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

/** A sample value: the shortest text that reads back as the same number. */
export function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
