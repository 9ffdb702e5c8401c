// What the programs read from their environment: the variables that a sidecar would get, as far as a program without one needs them.
// Every missing or malformed one is reported at once.
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
  /** Undefined where it is not set. */
  optional(name: string): string | undefined;
  port(name: string): number;
  /** `host:port`. */
  address(name: string): string;
  /** Throws one EnvironmentError for everything that was wrong. */
  check(): void;
}

export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const problems: string[] = [];
  const optional = (name: string): string | undefined => (variables[name] === '' ? undefined : variables[name]);
  const text = (name: string): string => {
    const value = optional(name);
    if (value === undefined) problems.push(`${name} is not set`);
    return value ?? '';
  };
  return {
    text,
    optional,
    port(name) {
      const value = text(name);
      const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
      if (value !== '' && !(port <= 65_535)) problems.push(`${name}: ${JSON.stringify(value)} is not a port`);
      return port;
    },
    address(name) {
      const value = text(name);
      if (value !== '' && parseAuthority(value)?.port === undefined) problems.push(`${name}: ${JSON.stringify(value)} is not host:port`);
      return value;
    },
    check() {
      if (problems.length > 0) throw new EnvironmentError(problems);
    },
  };
}

/** Who the program is, and where the control plane is. Checks whatever was read before, too. */
export function readJoinOptions(env: Environment): JoinOptions {
  const service = (name: string): ControlService => ({
    address: env.address(`${PREFIX}${name}_SVC_ADDR`),
    serverName: env.optional(`${PREFIX}${name}_SVC_NAME`),
  });
  const text = (name: string): string => env.text(`${PREFIX}${name}`);
  const services = { identity: service('IDENTITY'), destination: service('DESTINATION'), policy: service('POLICY') };
  const own = { localName: text('IDENTITY_LOCAL_NAME'), tokenFile: text('IDENTITY_TOKEN_FILE'), workload: text('POLICY_WORKLOAD') };
  const anchors = text('IDENTITY_TRUST_ANCHORS');
  env.check();
  return { ...services, ...own, anchors: certificatesFromPem(anchors) };
}
