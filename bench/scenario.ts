// A benchmark by name.
import type { MeshIdentity } from './mesh-identity.ts';
import type { ScenarioReport } from './report.ts';

export interface ScenarioContext {
  /** Shorter and less exact: all scenarios together under two minutes. */
  readonly quick: boolean;
  /** Certificates for TLS. */
  readonly identity: MeshIdentity;
  /** Whether the proxy of this name is wanted. */
  takesPart(name: string): boolean;
  /** Progress, for people. */
  log(line: string): void;
}

export interface Scenario {
  readonly name: string;
  /** One line. */
  readonly about: string;
  run(context: ScenarioContext): Promise<ScenarioReport>;
}
