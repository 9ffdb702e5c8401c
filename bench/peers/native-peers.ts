// Proxies of the distribution, where they are installed: one thread, connections to the backend kept, no logs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort, startServer } from '../child.ts';
import type { Peer, Protocol } from './peer.ts';

interface NativePeer {
  readonly program: string;
  readonly protocols: readonly Protocol[];
  /** Content of its configuration file. */
  config(protocol: Protocol, port: number, backendPort: number, directory: string): string;
  args(file: string, directory: string): readonly string[];
}

function nativePeer({ program, protocols, config, args }: NativePeer): Peer {
  return {
    name: program,
    protocols,
    missing: () => (findProgram(program) === undefined ? `${program} is not installed` : undefined),
    async start(protocol, backendPort) {
      const directory = mkdtempSync(join(tmpdir(), `weft-bench-${program}-`));
      const file = join(directory, 'config');
      const port = await freePort();
      writeFileSync(file, config(protocol, port, backendPort, directory));
      const child = await startServer(findProgram(program) ?? program, args(file, directory), port);
      return {
        pid: child.pid,
        port,
        async close() {
          await child.close();
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

export const haproxy = nativePeer({
  program: 'haproxy',
  protocols: ['h1', 'h2'],
  args: (file) => ['-db', '-f', file],
  config(protocol, port, backendPort) {
    const proto = protocol === 'h2' ? ' proto h2' : '';
    return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}${proto}
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}${proto}
`;
  },
});

/** Speaks no HTTP/2 to backends. */
export const nginx = nativePeer({
  program: 'nginx',
  protocols: ['h1'],
  args: (file, directory) => ['-c', file, '-p', directory, '-e', join(directory, 'error.log')],
  config: (_protocol, port, backendPort, directory) => `daemon off;
master_process off;
worker_processes 1;
pid ${directory}/pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream back { server 127.0.0.1:${backendPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
});

export const nghttpx = nativePeer({
  program: 'nghttpx',
  protocols: ['h1', 'h2'],
  args: (file) => ['--conf', file],
  config: (protocol, port, backendPort) => `frontend=127.0.0.1,${port};no-tls
backend=127.0.0.1,${backendPort};;proto=${protocol === 'h2' ? 'h2' : 'http/1.1'}
workers=1
single-process=yes
log-level=ERROR
`,
});
