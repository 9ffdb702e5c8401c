// The command line: where to ask, for what, and how often.
import { parseArgs } from 'node:util';
import { parseAuthority, parseSocketAddress, type SocketAddress } from '@weft/core';
import type { Source } from './discover.ts';

export interface ProgramOptions {
  readonly source: Source;
  /** `host:port`, or the name of a service in DNS. */
  readonly target: string;
  /** Requests to send; undefined: tells of changes until it is ended. */
  readonly requests: number | undefined;
}

/** Everything that is wrong with the command line. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

export function readOptions(args: readonly string[]): ProgramOptions {
  const { values, positionals } = parse(args);
  const problems: string[] = [];
  const [target = '', ...others] = positionals;
  if (positionals.length === 0) problems.push('TARGET is missing');
  else if (!parseAuthority(target)) problems.push(`TARGET: ${JSON.stringify(target)} is not host:port`);
  if (others.length > 0) problems.push(`${JSON.stringify(others[0])}: there is one TARGET`);
  const source = sourceOf(values, problems);
  const { requests } = values;
  if (requests !== undefined && !/^[1-9][0-9]{0,6}$/.test(requests)) problems.push(`--requests: ${JSON.stringify(requests)} is not a number from 1 to 9999999`);
  if (problems.length > 0 || !source) throw new OptionsError(problems);
  return { source, target, requests: requests === undefined ? undefined : Number(requests) };
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { destination: { type: 'string' }, dns: { type: 'boolean' }, 'dns-server': { type: 'string', multiple: true }, requests: { type: 'string' } },
    });
    return { values, positionals };
  } catch (error) {
    throw new OptionsError([error instanceof Error ? error.message : String(error)]);
  }
}

function sourceOf({ destination, dns = false, 'dns-server': names = [] }: ReturnType<typeof parse>['values'], problems: string[]): Source | undefined {
  if (destination !== undefined) {
    if (dns || names.length > 0) problems.push('--destination and --dns exclude each other');
    if (parseAuthority(destination)?.port === undefined) problems.push(`--destination: ${JSON.stringify(destination)} is not host:port`);
    return { kind: 'destination', address: destination };
  }
  if (!dns && names.length === 0) problems.push('--destination or --dns is missing');
  const servers: SocketAddress[] = [];
  for (const name of names) {
    const server = parseSocketAddress(name);
    if (server) servers.push(server);
    else problems.push(`--dns-server: ${JSON.stringify(name)} is not ip:port`);
  }
  return { kind: 'dns', servers: servers.length > 0 ? servers : undefined };
}
