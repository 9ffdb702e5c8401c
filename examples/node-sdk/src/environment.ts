// What the programs read from their environment: the variables that a sidecar would get, as far as a program without one needs them.
// Every missing or malformed one is reported at once.
import { readFileSync } from 'node:fs';
import { parseAuthority } from '@weft/core';
import { certificatesFromPem } from '@weft/identity/authority';
import type { ControlService, JoinOptions } from './join.ts';

const PREFIX = 'LINKERD2_PROXY_';

export class EnvironmentError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface Environment {
  text(name: string): string;
  port(name: string): number;
  /** Throws one EnvironmentError for everything that was wrong. */
  check(): void;
}

export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const problems: string[] = [];
  return {
    text(name) {
      const value = env[name] ?? '';
      if (value === '') problems.push(`${name} is not set`);
      return value;
    },
    port(name) {
      const value = env[name] ?? '';
      const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
      if (!(port <= 65_535)) problems.push(`${name}: ${JSON.stringify(value)} is not a port`);
      return port;
    },
    check() {
      if (problems.length > 0) throw new EnvironmentError(problems);
    },
  };
}

/** Who the program is, and where the control plane is. Call `check` before use. */
export function readJoinOptions(env: Environment, variables: NodeJS.ProcessEnv): () => JoinOptions {
  const text = (name: string): string => env.text(`${PREFIX}${name}`);
  const service = (name: string): ControlService => {
    const address = text(`${name}_SVC_ADDR`);
    const serverName = variables[`${PREFIX}${name}_SVC_NAME`];
    return { address, serverName };
  };
  const [identity, destination, policy] = [service('IDENTITY'), service('DESTINATION'), service('POLICY')];
  const [localName, tokenFile, anchors] = [text('IDENTITY_LOCAL_NAME'), text('IDENTITY_TOKEN_FILE'), text('IDENTITY_TRUST_ANCHORS')];
  const workload = text('POLICY_WORKLOAD');
  return () => {
    env.check();
    const unusable = [identity, destination, policy].filter(({ address }) => parseAuthority(address)?.port === undefined);
    if (unusable.length > 0) throw new EnvironmentError(unusable.map(({ address }) => `${JSON.stringify(address)} is not host:port`));
    readFileSync(tokenFile);
    return { identity, destination, policy, localName, tokenFile, anchors: certificatesFromPem(anchors), workload };
  };
}
