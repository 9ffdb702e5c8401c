// tcp_* metrics of accepted and made connections. Byte counts are read off the sockets when rendered and when they close.
// spec/proxy.md §9.2, §9.3 "transport".
import type { Socket } from 'node:net';
import type { Counter, Endpoint, Gauge, Labels, MetricRegistry } from '@weft/core';
import { LabelSets } from './label-sets.ts';

export interface TransportMetrics {
  /**
   * Counts an open connection until the socket closes. TLS sockets count decrypted bytes. `zone`: of endpoints, for what transfers cost.
   * Series are found once for each object of labels, or for all that are equal where there is no zone.
   */
  track(socket: Socket, labels: Labels, zone?: ZoneLocality): void;
}

export type ZoneLocality = 'Local' | 'Remote' | 'Unknown';

/** As the control plane labels the endpoint, seen from here. */
export function zoneOf({ labels }: Endpoint): ZoneLocality {
  if (labels['zone_locality'] === 'local') return 'Local';
  return labels['zone_locality'] === 'remote' ? 'Remote' : 'Unknown';
}

interface Tracked {
  readonly socket: Socket;
  readonly series: Series;
  read: number;
  written: number;
  errno: string;
}

interface Series {
  readonly opened: Counter;
  readonly current: Gauge;
  readonly read: Counter;
  readonly written: Counter;
  /** Undefined where nobody pays for it. */
  readonly cost: { readonly received: Counter; readonly sent: Counter } | undefined;
  closed(errno: string): Counter;
}

export function transportMetrics(registry: MetricRegistry): TransportMetrics {
  const opened = registry.counter('tcp_open_total', 'Total count of opened connections.', { evictable: true });
  const current = registry.gauge('tcp_open_connections', 'Number of currently-open connections.', { evictable: true });
  const read = registry.counter('tcp_read_bytes_total', 'Total count of bytes read from peers.', { evictable: true });
  const written = registry.counter('tcp_write_bytes_total', 'Total count of bytes written to peers.', { evictable: true });
  const closed = registry.counter('tcp_close_total', 'Total count of closed connections.', { evictable: true });
  const costs = registry.counter('outbound_tcp_transfer_cost_bytes_total', 'The total amount of data transferred in and out of this proxy, by cost zone', {
    evictable: true,
  });
  const open = new Set<Tracked>();

  const flush = (entry: Tracked): void => {
    const { bytesRead, bytesWritten } = entry.socket;
    const { series } = entry;
    if (bytesRead > entry.read) {
      series.read.inc(bytesRead - entry.read);
      series.cost?.received.inc(bytesRead - entry.read);
    }
    if (bytesWritten > entry.written) {
      series.written.inc(bytesWritten - entry.written);
      series.cost?.sent.inc(bytesWritten - entry.written);
    }
    entry.read = Math.max(bytesRead, entry.read);
    entry.written = Math.max(bytesWritten, entry.written);
  };
  registry.beforeRender(() => {
    for (const entry of open) flush(entry);
  });

  const sets = new LabelSets();
  const bound = new WeakMap<Labels, Series>();
  const bind = (labels: Labels, zone: ZoneLocality | undefined): Series => {
    let byErrno: Map<string, Counter> | undefined;
    return {
      opened: opened.with(labels),
      current: current.with(labels),
      read: read.with(labels),
      written: written.with(labels),
      cost: zone && { received: costs.with({ op: 'Recv', zone_locality: zone }), sent: costs.with({ op: 'Send', zone_locality: zone }) },
      closed(errno) {
        byErrno ??= new Map();
        const known = byErrno.get(errno) ?? closed.with({ ...labels, errno });
        byErrno.set(errno, known);
        return known;
      },
    };
  };

  return {
    track(socket, labels, zone) {
      const key = zone === undefined && !bound.has(labels) ? sets.of(labels) : labels;
      const series = bound.get(key) ?? bind(key, zone);
      bound.set(key, series);
      const entry: Tracked = { socket, series, read: 0, written: 0, errno: '' };
      series.opened.inc();
      series.current.inc();
      series.read.inc(0);
      series.written.inc(0);
      open.add(entry);
      // Both come once; `once` would keep more for each.
      socket.on('error', (error: NodeJS.ErrnoException) => {
        entry.errno ||= error.code ?? 'UNKNOWN';
      });
      const onClose = (): void => {
        open.delete(entry);
        flush(entry);
        series.current.dec();
        series.closed(entry.errno).inc();
      };
      if (socket.closed) onClose();
      else socket.on('close', onClose);
    },
  };
}
