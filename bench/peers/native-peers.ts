// Proxies of the distribution, where they are installed: one thread, connections to the backend kept, no logs.
import { join } from 'node:path';
import { findProgram } from '../processes/child.ts';
import { type ConfiguredPeer, configuredPeer } from './configured-peer.ts';
import { type Peer, sameProtocol, withoutTls } from './peer.ts';

const installed = (name: string, judge = false): Pick<ConfiguredPeer, 'name' | 'judge' | 'program' | 'absence'> => ({
  name,
  judge,
  program: () => findProgram(name),
  absence: `${name} is not installed`,
});

export const haproxy = haproxyOver(1);

/** So many servers, all of which are the one backend; each has connections of its own. */
export function haproxyOver(servers: number): Peer {
  return configuredPeer({
    ...installed('haproxy', true),
    carries: () => true,
    args: (file) => ['-db', '-f', file],
    config({ hop: { client, server }, port, serverPort, identity }) {
      const proto = (protocol: string): string => (protocol === 'h2' ? ' proto h2' : '');
      const accept = client.tls ? ` ssl crt ${identity.server.combined} ca-file ${identity.anchors} verify required alpn h2 ssl-min-ver TLSv1.3` : '';
      const connect = server.tls
        ? ` ssl crt ${identity.client.combined} ca-file ${identity.anchors} verify required verifyhost ${identity.server.name} sni str(${identity.server.name}) alpn h2 ssl-min-ver TLSv1.3`
        : '';
      return `global
  nbthread 1
  maxconn 8000
defaults
  mode ${client.protocol === 'tcp' ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}${proto(client.protocol)}${accept}
  default_backend back
backend back
  balance random(2)
${Array.from({ length: servers }, (_, n) => `  server s${n} 127.0.0.1:${serverPort}${proto(server.protocol)}${connect}`).join('\n')}
`.replace(/\n {2}http-reuse always/, client.protocol === 'tcp' ? '' : '$&');
    },
  });
}

/** Speaks no HTTP/2 to backends; Debian has its relay of bytes in a package of its own. */
export const nginx = configuredPeer({
  ...installed('nginx'),
  carries: (hop) => hop.client.protocol === 'h1' && sameProtocol(hop) && withoutTls(hop),
  args: (file, directory) => ['-c', file, '-p', directory, '-e', join(directory, 'error.log')],
  config: ({ port, serverPort, directory }) => `daemon off;
master_process off;
worker_processes 1;
pid ${directory}/pid;
events { worker_connections 12000; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream back { server 127.0.0.1:${serverPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
});

export const nghttpx = configuredPeer({
  ...installed('nghttpx'),
  carries: ({ client }) => client.protocol !== 'tcp',
  args: (file) => ['--conf', file],
  config({ hop: { client, server }, port, serverPort, identity }) {
    const proto = server.protocol === 'h2' ? 'h2' : 'http/1.1';
    const accept = client.tls
      ? `private-key-file=${identity.server.key}
certificate-file=${identity.server.certificate}
verify-client=yes
verify-client-cacert=${identity.anchors}
tls-min-proto-version=TLSv1.3
`
      : '';
    const connect = server.tls
      ? `client-private-key-file=${identity.client.key}
client-cert-file=${identity.client.certificate}
cacert=${identity.anchors}
`
      : '';
    return `frontend=127.0.0.1,${port}${client.tls ? '' : ';no-tls'}
backend=127.0.0.1,${serverPort};;proto=${proto}${server.tls ? `;tls;sni=${identity.server.name}` : ''}
${accept}${connect}workers=1
single-process=yes
worker-frontend-connections=8000
log-level=ERROR
`;
  },
});
