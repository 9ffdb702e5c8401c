// A proxy that is configured by a file and told its port.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hop } from '../hop.ts';
import type { MeshIdentity } from '../mesh-identity.ts';
import { freePort, startServer } from '../processes/child.ts';
import { chained, type Peer } from './peer.ts';

export interface ConfigOptions {
  readonly hop: Hop;
  readonly port: number;
  readonly serverPort: number;
  readonly identity: MeshIdentity;
  /** Exists while the proxy runs. */
  readonly directory: string;
}

export interface ConfiguredPeer {
  readonly name: string;
  readonly judge: boolean;
  /** Its executable; undefined where there is none. */
  program(): string | undefined;
  /** Why there is none. */
  readonly absence: string;
  carries(hop: Hop): boolean;
  /** Content of its configuration file. */
  config(options: ConfigOptions): string;
  args(file: string, directory: string): readonly string[];
}

export function configuredPeer({ name, judge, program, absence, carries, config, args }: ConfiguredPeer): Peer {
  return chained({
    name,
    judge,
    missing: () => (program() === undefined ? absence : undefined),
    carries,
    async start(hop, serverPort, identity) {
      const directory = mkdtempSync(join(tmpdir(), `weft-bench-${name}-`));
      const file = join(directory, 'config');
      const port = await freePort();
      writeFileSync(file, config({ hop, port, serverPort, identity, directory }));
      const child = await startServer(program() ?? name, args(file, directory), { port });
      return {
        pid: child.pid,
        port,
        async close() {
          await child.close();
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  });
}
