// A proxy under measurement: what it can carry, how it is started in front of a backend; and a chain of processes, one for each hop.
import type { Hop, Path, Protocol } from '../hop.ts';
import type { MeshIdentity } from '../mesh-identity.ts';
import type { Child } from '../processes/child.ts';

export interface RunningPeer {
  /** Where the load goes. */
  readonly port: number;
  /** Default 127.0.0.1, and always there without TLS. */
  readonly host?: string;
  /** Its processes, from the client to the backend. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

export interface PeerContext {
  readonly identity: MeshIdentity;
  /** The port of a backend that speaks this. */
  backend(protocol: Protocol): Promise<number>;
}

export interface Peer {
  readonly name: string;
  /** Ours, or one that targets are set by; others are left out of most scenarios of a quick run. */
  readonly judge: boolean;
  /** Why it cannot take part on this machine; undefined when it can. */
  missing(): string | undefined;
  carries(path: Path): boolean;
  /** Each process with one thread that works, no access log. */
  start(path: Path, context: PeerContext): Promise<RunningPeer>;
}

export interface ChainedPeer {
  readonly name: string;
  /** Default false. */
  readonly judge?: boolean;
  missing?(): string | undefined;
  carries(hop: Hop): boolean;
  start(hop: Hop, serverPort: number, identity: MeshIdentity): Promise<Child & { readonly port: number }>;
}

/** One process per hop. */
export function chained({ name, judge = false, missing = () => undefined, carries, start }: ChainedPeer): Peer {
  return {
    name,
    judge,
    missing,
    carries: (path) => path.every(carries),
    async start(path, { identity, backend }) {
      const processes: (Child & { readonly port: number })[] = [];
      const close = async (): Promise<void> => {
        for (const one of processes) await one.close();
      };
      try {
        for (const hop of [...path].reverse()) {
          const serverPort = processes[0]?.port ?? (await backend(hop.server.protocol));
          processes.unshift(await start(hop, serverPort, identity));
        }
      } catch (error) {
        await close();
        throw error;
      }
      return { port: processes[0]?.port ?? 0, pids: processes.map(({ pid }) => pid), close };
    },
  };
}

export const sameProtocol = ({ client, server }: Hop): boolean => client.protocol === server.protocol;
export const withoutTls = ({ client, server }: Hop): boolean => !client.tls && !server.tls;
