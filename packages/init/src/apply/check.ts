// Whether the kernel's rules are the intended ones, from the text of iptables-save.
import type { Rule, RuleTable } from '../rules/rule.ts';

interface SavedRule {
  readonly chain: string;
  readonly comment: string;
  readonly target: string;
  /** `--to-ports`, where there is one. */
  readonly port: string | undefined;
}

/** One sentence for each rule that is missing, altered or out of order in its chain; empty when all is well. */
export function missingRules(table: RuleTable, dump: string): readonly string[] {
  const saved = parseDump(dump);
  const problems: string[] = [];
  for (const chain of table.chains) {
    const there = saved.filter((rule) => rule.chain === chain.name);
    for (const [index, rule] of chain.rules.entries()) {
      const found = there[index];
      if (!found || !matches(rule, found))
        problems.push(`rule ${index + 1} of chain ${chain.name}: expected ${rule.comment}, found ${found?.comment ?? 'nothing'}`);
    }
    if (there.length > chain.rules.length) problems.push(`chain ${chain.name} has ${there.length - chain.rules.length} rules too many`);
  }
  for (const jump of table.jumps) {
    if (!saved.some((rule) => rule.chain === jump.chain && matches(jump, rule))) problems.push(`chain ${jump.chain} does not lead to ${jump.comment}`);
  }
  return problems;
}

function matches(rule: Rule, saved: SavedRule): boolean {
  const { target } = rule;
  const name = target.kind === 'return' ? 'RETURN' : target.kind === 'redirect' ? 'REDIRECT' : target.chain;
  return saved.comment === `proxy-init/${rule.comment}` && saved.target === name && (target.kind !== 'redirect' || saved.port === String(target.port));
}

function parseDump(dump: string): readonly SavedRule[] {
  return dump.split('\n').flatMap((line) => {
    const chain = /^-A (\S+)/.exec(line)?.[1];
    if (chain === undefined) return [];
    const comment = /--comment ("((?:[^"\\]|\\.)*)"|\S+)/.exec(line);
    return [{ chain, comment: comment?.[2] ?? comment?.[1] ?? '', target: /-j (\S+)/.exec(line)?.[1] ?? '', port: /--to-ports? (\d+)/.exec(line)?.[1] }];
  });
}
