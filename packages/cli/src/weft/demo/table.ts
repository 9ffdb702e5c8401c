// The live table: success rate, requests per second and latency of each deployment, as `linkerd viz stat` lays it out.
import type { DeploymentStats } from '@weft/mesh';
import { createColors } from 'picocolors';

const HEADINGS = ['NAME', 'SUCCESS', 'RPS', 'LATENCY_P50', 'LATENCY_P95', 'LATENCY_P99'] as const;

export interface TableOptions {
  readonly color: boolean;
}

/** Lines without a trailing line break. A deployment without traffic shows dashes. */
export function renderTable(deployments: Readonly<Record<string, DeploymentStats>>, { color }: TableOptions): readonly string[] {
  const { bold, red, green } = createColors(color);
  const rows = Object.entries(deployments).map(([name, stats]) => [name, ...cells(stats)]);
  const widths = HEADINGS.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const align = (row: readonly string[]): string[] =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return [
    bold(align(HEADINGS).join('   ')),
    ...rows.map((row, index) => {
      const [name = '', success = '', ...rest] = align(row);
      const rate = Object.values(deployments)[index]?.success_rate;
      const paint = rate === undefined ? (text: string): string => text : rate < 0.9 ? red : green;
      return [name, paint(success), ...rest].join('   ');
    }),
  ];
}

function cells(stats: DeploymentStats): readonly string[] {
  if (stats.success_rate === undefined) return ['-', '-', '-', '-', '-'];
  const ms = (value: number | undefined): string => (value === undefined ? '-' : `${Math.round(value)}ms`);
  return [`${(stats.success_rate * 100).toFixed(2)}%`, stats.rps.toFixed(1), ms(stats.p50_ms), ms(stats.p95_ms), ms(stats.p99_ms)];
}
