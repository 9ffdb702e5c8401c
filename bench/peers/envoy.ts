// Envoy, where ENVOY_BIN names it: one worker thread.
import type { Side } from '../hop.ts';
import { type ConfigOptions, configuredPeer } from './configured-peer.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';
const TLS = `${TYPE}.transport_sockets.tls.v3`;

export const envoy = configuredPeer({
  name: 'envoy',
  judge: true,
  program: () => process.env['ENVOY_BIN'],
  absence: 'ENVOY_BIN names no Envoy',
  carries: () => true,
  args: (file) => ['--config-path', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error', '--use-dynamic-base-id'],
  config: (options) => JSON.stringify({ static_resources: { listeners: [listener(options)], clusters: [cluster(options)] } }),
});

const address = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function tlsContext({ identity }: ConfigOptions, end: 'Upstream' | 'Downstream'): object {
  const own = end === 'Upstream' ? identity.client : identity.server;
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${TLS}.${end}TlsContext`,
      ...(end === 'Upstream' ? { sni: identity.server.name } : { require_client_certificate: true }),
      common_tls_context: {
        alpn_protocols: ['h2'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        tls_certificates: [{ certificate_chain: { filename: own.certificate }, private_key: { filename: own.key } }],
        validation_context: { trusted_ca: { filename: identity.anchors } },
      },
    },
  };
}

function listener(options: ConfigOptions): object {
  const { client } = options.hop;
  const filter =
    client.protocol === 'tcp'
      ? {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: { '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'back', cluster: 'back' },
        }
      : { name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager(client) };
  return {
    name: 'front',
    address: address(options.port),
    filter_chains: [{ filters: [filter], ...(client.tls && { transport_socket: tlsContext(options, 'Downstream') }) }],
  };
}

function connectionManager({ protocol }: Side): object {
  return {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'front',
    codec_type: protocol === 'h2' ? 'HTTP2' : 'HTTP1',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'back', timeout: '0s' } }] }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  };
}

function cluster(options: ConfigOptions): object {
  const { server } = options.hop;
  return {
    name: 'back',
    type: 'STATIC',
    // The defaults allow 1024 of each, fewer than some scenarios have under way.
    circuit_breakers: { thresholds: [{ max_connections: 20_000, max_pending_requests: 20_000, max_requests: 20_000 }] },
    load_assignment: { cluster_name: 'back', endpoints: [{ lb_endpoints: [{ endpoint: { address: address(options.serverPort) } }] }] },
    ...(server.protocol === 'h2' && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
    ...(server.tls && { transport_socket: tlsContext(options, 'Upstream') }),
  };
}
