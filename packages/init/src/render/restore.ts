// Rules as one `iptables-restore --noflush` document: naming a chain creates or empties it, and all of it applies at once.
import type { Rule, RuleTable } from '../rules/rule.ts';
import { jumpExists, ruleArguments } from './arguments.ts';

/** The document that installs a table over what `dump` says is there. Installing twice gives the same rules. */
export function restoreDocument(table: RuleTable, dump = ''): string {
  const lines = [
    '*nat',
    ...table.chains.map((chain) => `:${chain.name} - [0:0]`),
    ...table.chains.flatMap((chain) => chain.rules.map(line)),
    ...table.jumps.filter((jump) => !jumpExists(dump, jump)).map(line),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function line(rule: Rule): string {
  return ruleArguments(rule)
    .map((arg) => (/[\s"]/.test(arg) ? JSON.stringify(arg) : arg))
    .join(' ');
}
