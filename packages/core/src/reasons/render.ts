// The table of reasons as a Markdown document: docs/reasons.md is this text.
import { REASONS } from './reason.ts';

/** The whole document, ending with a newline. */
export function renderReasons(): string {
  const rows = Object.entries(REASONS).map(([code, { sentence, action }]) => `| \`${code}\` | ${cell(sentence)} | ${cell(action)} |`);
  return [
    '# Reasons',
    '',
    'Every refusal, detection verdict and failed connection carries one of these codes. Logs, metrics, headers, tap and the CLI show the',
    'same value: the sentence, followed by a detail that names the rule, endpoint or limit. Codes are stable; sentences may change.',
    'This file is generated from `packages/core/src/reasons/reason.ts`.',
    '',
    '| Code | What happened | What to do |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\|/g, '\\|');
}
