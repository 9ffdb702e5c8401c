// Which iptables programs to use. spec/injector-cli.md §2.1 (modes and fallbacks).
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { InitError } from '../rules/settings.ts';

export type FirewallMode = 'nft' | 'legacy' | 'plain';

export interface FirewallPrograms {
  readonly mode: FirewallMode;
  readonly family: 4 | 6;
  readonly command: string;
  readonly save: string;
  readonly restore: string;
}

/** The program names of a mode: `iptables-nft`, `iptables-nft-save`, `iptables-nft-restore`. */
export function firewallPrograms(mode: FirewallMode, family: 4 | 6): FirewallPrograms {
  const command = `${family === 4 ? 'iptables' : 'ip6tables'}${mode === 'plain' ? '' : `-${mode}`}`;
  return { mode, family, command, save: `${command}-save`, restore: `${command}-restore` };
}

/** The wanted programs where they exist, else the first set that does, in the order nft, plain, legacy. */
export async function findFirewall(wanted: FirewallMode, family: 4 | 6, path = process.env['PATH'] ?? ''): Promise<FirewallPrograms> {
  const order: FirewallMode[] = [wanted, ...(['nft', 'plain', 'legacy'] as const).filter((mode) => mode !== wanted)];
  for (const mode of order) {
    const programs = firewallPrograms(mode, family);
    const found = await Promise.all([programs.command, programs.save, programs.restore].map((name) => onPath(name, path)));
    if (found.every(Boolean)) return programs;
  }
  const tried = order.map((mode) => firewallPrograms(mode, family).command).join(', ');
  throw new InitError('FIREWALL_NOT_FOUND', [`none of ${tried} (each with -save and -restore) is on the PATH "${path}"; install iptables`]);
}

async function onPath(name: string, path: string): Promise<boolean> {
  for (const dir of path.split(delimiter)) {
    if (dir === '') continue;
    const found = await access(join(dir, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
