// The applications behind the proxies of a scenario, each started when the first proxy asks for it.
import type { Protocol } from '../hop.ts';
import { type Child, startOwn } from '../processes/child.ts';

export interface Backends {
  /** Where one that speaks this listens. Bytes are those of HTTP/1.1. */
  port(protocol: Protocol): Promise<number>;
  close(): Promise<void>;
}

export function backends({ bodyBytes = 64, grpc = false }: { readonly bodyBytes?: number; readonly grpc?: boolean }): Backends {
  const started = new Map<string, Promise<Child & { readonly port: number }>>();
  return {
    async port(protocol) {
      const name = protocol === 'h2' ? 'backend-http2' : 'backend-http1';
      const child = started.get(name) ?? startOwn(name, bodyBytes, grpc ? 'grpc' : 'plain');
      started.set(name, child);
      return (await child).port;
    },
    async close() {
      for (const child of started.values()) await (await child).close();
    },
  };
}
