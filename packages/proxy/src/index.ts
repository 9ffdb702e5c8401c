// The data plane: a transparent proxy for both directions, knowing only ports for identity, discovery and policy.
// Outbound balances over endpoints and dials them over mutual TLS; inbound authorizes and forwards to the application.
// Example: const proxy = createProxy({ identity, discovery, policy }, { admin: { listen: { ip: '127.0.0.1', port: 0 } } });

export { type MappedDestination, mappedOriginalDst } from './accept/mapped-original-dst.ts';
export type { MemorySocket } from './accept/memory-socket.ts';
export { type ProxyProtocolOptions, proxyProtocol } from './accept/proxy-protocol/proxy-protocol.ts';
export {
  type AdminConfig,
  type DetectConfig,
  type InboundConfig,
  type Listener,
  type OutboundConfig,
  type ProxyConfig,
  type ProxySettings,
  proxyConfig,
  type SocketOptions,
} from './config.ts';
export { type TcpDialerOptions, tcpDialer } from './connect/tcp-dialer.ts';
export type { AccessLogPort } from './observe/access-log.ts';
export {
  type AdminRoute,
  type Dialer,
  type DialOptions,
  type OriginalDst,
  type ProxyPorts,
  type SetTcpOptions,
  staticOriginalDst,
  type TcpOptions,
} from './ports.ts';
export { createProxy, type Proxy, type ProxyAddresses } from './proxy.ts';
export { TapCells } from './tap/tap-cells.ts';
export type { TapMessage, TapPort, TapRequest } from './tap/tap-port.ts';
