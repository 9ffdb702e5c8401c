// The applications' own `/metrics` (not the proxy's): a few counters in Prometheus text.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningServer } from './rpc.ts';

export interface LabelledCounter {
  inc(label: string): void;
  render(): string;
}

export function labelledCounter(name: string, help: string, labelName: string): LabelledCounter {
  const values = new Map<string, number>();
  return {
    inc: (label) => void values.set(label, (values.get(label) ?? 0) + 1),
    render: () => [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...[...values].map(([label, n]) => `${name}{${labelName}="${label}"} ${n}`)].join('\n'),
  };
}

export async function startPrometheus(port: number, host: string, counters: readonly LabelledCounter[]): Promise<RunningServer> {
  const server = createServer((request, response) => {
    const found = request.url === '/metrics';
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(found ? `${counters.map((counter) => counter.render()).join('\n')}\n` : 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
