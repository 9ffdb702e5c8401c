// How the pods of a namespace are connected: how many connections, and how many of them are mutual TLS.
import type { ProxyMetrics } from './scrape.ts';

export interface ConnectionCounts {
  /** Connections that proxies of the namespace opened to other pods. */
  readonly meshed: number;
  /** Those of them over TLS with the identity of the server verified. */
  readonly mtls: number;
  /** One sentence for each series that is not mutual TLS, on either side. */
  readonly plaintext: readonly string[];
}

export function connectionCounts(proxies: readonly ProxyMetrics[]): ConnectionCounts {
  let meshed = 0;
  let mtls = 0;
  const plaintext: string[] = [];
  for (const { namespace, pod, samples } of proxies) {
    for (const { name, labels, value } of samples) {
      if (name !== 'tcp_open_total' || value === 0 || labels['target_port'] === '4191') continue;
      const opened = labels['direction'] === 'outbound' && labels['peer'] === 'dst';
      const accepted = labels['direction'] === 'inbound' && labels['peer'] === 'src';
      if (!opened && !accepted) continue;
      const identity = labels[opened ? 'server_id' : 'client_id'] ?? '';
      const secured = labels['tls'] === 'true' && identity !== '';
      if (opened) meshed += value;
      if (opened && secured) mtls += value;
      if (!secured) {
        const why = labels['no_tls_reason'] ?? `tls=${labels['tls'] ?? ''}`;
        plaintext.push(`${namespace}/${pod}: ${value} ${labels['direction'] ?? ''} connections of ${labels['target_addr'] ?? ''} are not mutual TLS (${why})`);
      }
    }
  }
  return { meshed, mtls, plaintext };
}

/** Certificates that the proxies were issued. */
export function certificatesIssued(proxies: readonly ProxyMetrics[]): number {
  return proxies
    .flatMap(({ samples }) => samples)
    .filter(({ name, labels }) => name === 'control_identity_cert_refreshes_total' && labels['result'] === 'ok')
    .reduce((total, { value }) => total + value, 0);
}
