// Rules as arguments of iptables, and as the list of commands that would install them.
import { assertNever } from '@weft/core';
import type { Match, Rule, RuleTable, Target } from '../rules/rule.ts';

/** The arguments that append this rule: `-A CHAIN … -j TARGET … -m comment --comment proxy-init/…`. */
export function ruleArguments(rule: Rule): readonly string[] {
  // The source match of a subnet stands behind the target, as proxy-init writes it.
  const [before, behind] =
    rule.match.kind === 'source'
      ? [
          ['-p', 'all'],
          ['-s', rule.match.cidr],
        ]
      : [matchArguments(rule.match), []];
  return ['-A', rule.chain, ...before, ...targetArguments(rule.target), ...behind, '-m', 'comment', '--comment', `proxy-init/${rule.comment}`];
}

/** The commands (without the binary) that install a table over what `dump` says is there: `-F` for chains that exist, no jump twice. */
export function installCommands(table: RuleTable, dump = ''): readonly (readonly string[])[] {
  const commands: (readonly string[])[] = [];
  for (const [index, chain] of table.chains.entries()) {
    commands.push(['-t', 'nat', chainExists(dump, chain.name) ? '-F' : '-N', chain.name]);
    for (const rule of chain.rules) commands.push(['-t', 'nat', ...ruleArguments(rule)]);
    const jump = table.jumps[index];
    if (jump && !jumpExists(dump, jump)) commands.push(['-t', 'nat', ...ruleArguments(jump)]);
  }
  return commands;
}

/** The commands that take a table away again: jumps first, then the chains, outbound before inbound. */
export function removeCommands(table: RuleTable): readonly (readonly string[])[] {
  const chains = [...table.chains].reverse();
  return [
    ...[...table.jumps].reverse().map((jump) => ['-t', 'nat', ...ruleArguments(jump).map((arg) => (arg === '-A' ? '-D' : arg))]),
    ...chains.map((chain) => ['-t', 'nat', '-F', chain.name]),
    ...chains.map((chain) => ['-t', 'nat', '-X', chain.name]),
  ];
}

export function chainExists(dump: string, chain: string): boolean {
  return new RegExp(`^:${chain}\\s`, 'm').test(dump);
}

export function jumpExists(dump: string, jump: Rule): boolean {
  return jump.target.kind === 'jump' && new RegExp(`^-A ${jump.chain}\\s.*-j ${jump.target.chain}(\\s|$)`, 'm').test(dump);
}

function matchArguments(match: Match): readonly string[] {
  switch (match.kind) {
    case 'tcp':
      return ['-p', 'tcp'];
    case 'tcp-ports':
      return ['-p', 'tcp', '--match', 'multiport', '--dports', match.ports];
    case 'tcp-port':
      return ['-p', 'tcp', '--destination-port', String(match.port)];
    case 'source':
      return ['-s', match.cidr];
    case 'uid':
      return ['-m', 'owner', '--uid-owner', String(match.uid)];
    case 'gid':
      return ['-m', 'owner', '--gid-owner', String(match.gid)];
    case 'out-interface':
      return ['-o', match.name];
    case 'any':
      return [];
    default:
      return assertNever(match);
  }
}

function targetArguments(target: Target): readonly string[] {
  switch (target.kind) {
    case 'return':
      return ['-j', 'RETURN'];
    case 'redirect':
      return ['-j', 'REDIRECT', '--to-port', String(target.port)];
    case 'jump':
      return ['-j', target.chain];
    default:
      return assertNever(target);
  }
}
