// docs/metrics.md from the sources: every metric that is declared with its name and help, and the package it belongs to.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A part of a name that is not fixed is written `${part}` in the source and `<part>` in the document. */
const DECLARATION =
  /\b(counter|gauge|histogram)\(\s*['`]((?:[a-z]|\$\{[a-z]+\})(?:[a-z0-9_]|\$\{[a-z]+\})*)['`],\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g;

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly package: string;
}

/** Deterministic: sorted by package and name. */
export function renderMetrics(packages = 'packages'): string {
  const metrics = readdirSync(packages)
    .flatMap((name) => metricsOf(packages, name))
    .sort((a, b) => (`${a.package} ${a.name}` < `${b.package} ${b.name}` ? -1 : 1));
  const rows = metrics.map((metric) => `| \`${metric.name}\` | ${metric.type} | \`@weft/${metric.package}\` | ${metric.help.replace(/\.$/, '')} |`);
  return `# Metrics

Every process serves these on \`/metrics\` of its admin port, with the \`process_*\` metrics of the process beside them. Names without
the prefix \`weft_\` are Linkerd's, and so are their labels. \`<prefix>\` is empty, \`route_\`, \`route_actual_\` (no latency) or \`control_\`. Generated from the sources; do not edit.

| Metric | Type | Declared in | Meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

function metricsOf(packages: string, name: string): readonly Metric[] {
  const source = join(packages, name, 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const found = new Map<string, Metric>();
  for (const file of files) {
    for (const [, type = '', metric = '', single, double] of readFileSync(join(source, file), 'utf8').matchAll(DECLARATION)) {
      found.set(metric, { name: metric.replace(/\$\{([a-z]+)\}/g, '<$1>'), type, help: (single ?? double ?? '').replaceAll("\\'", "'"), package: name });
    }
  }
  return [...found.values()];
}
