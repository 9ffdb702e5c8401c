// What stands in for a policy that could not be understood: everything it governs fails, and says why. spec/proxy.md §5.1, §8.1.
import { type ClientPolicy, defaultMetadata, type Filter, type HttpProtocol, type ServerPolicy } from '@weft/core';

const METADATA = defaultMetadata('invalid');

/** Detects, admits nobody over TCP, and answers every HTTP request with an error. */
export function invalidServerPolicy(message: string, detectTimeoutMs: number): ServerPolicy {
  const filters: readonly Filter[] = [{ kind: 'invalid', message }];
  const rules = [{ matches: [{ headers: [], query: [] }], filters }];
  return {
    metadata: METADATA,
    protocol: { kind: 'detect', timeoutMs: detectTimeoutMs, authorizations: [], routes: [{ metadata: METADATA, hosts: [], authorizations: [], rules }] },
  };
}

export function invalidClientPolicy(message: string): ClientPolicy {
  const filters: readonly Filter[] = [{ kind: 'invalid', message }];
  const distribution = { kind: 'empty' } as const;
  const http: HttpProtocol = {
    routes: [
      {
        metadata: METADATA,
        hosts: [],
        rules: [{ matches: [{ headers: [], query: [] }], filters, distribution, timeouts: {}, allowL5dHeaders: false }],
      },
    ],
  };
  return {
    parent: METADATA,
    protocol: {
      kind: 'detect',
      timeoutMs: 10_000,
      opaque: { routes: [{ metadata: METADATA, rules: [{ filters, distribution }] }] },
      http1: http,
      http2: http,
    },
  };
}
