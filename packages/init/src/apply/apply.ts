// Applying rules to the running kernel, checking them, and taking them away.
import { removeCommands } from '../render/arguments.ts';
import { restoreDocument } from '../render/restore.ts';
import type { RuleTable } from '../rules/rule.ts';
import { InitError } from '../rules/settings.ts';
import { missingRules } from './check.ts';
import { type Execute, execute } from './execute.ts';
import type { FirewallPrograms } from './firewall.ts';

export interface ApplyOptions {
  readonly programs: FirewallPrograms;
  /** Waits for the lock of the tables instead of failing. Default true; without it a concurrent change fails the call. */
  readonly wait?: boolean;
  /** Default: runs the programs here. */
  readonly execute?: Execute;
}

/** Installs the table in one atomic step and verifies it; idempotent. Returns the dump of table nat afterwards. */
export async function applyRules(table: RuleTable, options: ApplyOptions): Promise<string> {
  const { programs, wait = true, execute: run = execute } = options;
  const before = await run([programs.save, '-t', 'nat']);
  await run([programs.restore, '--noflush', ...(wait ? ['-w'] : [])], restoreDocument(table, before));
  const after = await run([programs.save, '-t', 'nat']);
  const missing = missingRules(table, after);
  if (missing.length > 0) throw new InitError('RULES_MISSING', missing);
  return after;
}

/** Removes jumps and chains. Fails where they are not there. */
export async function removeRules(table: RuleTable, options: ApplyOptions): Promise<void> {
  const { programs, wait = true, execute: run = execute } = options;
  for (const command of removeCommands(table)) await run([programs.command, ...(wait ? ['-w'] : []), ...command]);
}
