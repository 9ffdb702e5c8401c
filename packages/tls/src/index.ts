// Mesh TLS on Node: recognising a ClientHello, handshakes that say who the peer is, the transport header behind them.
// TLS 1.3 only; credentials come as a Watch and are swapped without touching open connections; failures are ReasonErrors.
// Example: const { socket, clientId } = await tlsServer({ credentials: identity.credentials }).accept(connection);
export { type ClientHello, detectClientHello, MAX_CLIENT_HELLO_BYTES } from './detect/client-hello.ts';
export { type ConnectedTls, type TlsClient, type TlsClientOptions, type TlsConnectOptions, tlsClient } from './handshake/client.ts';
export { type AcceptedTls, type TlsServer, type TlsServerOptions, tlsServer } from './handshake/server.ts';
export {
  decodeTransportHeader,
  encodeTransportHeader,
  MAX_TRANSPORT_HEADER_BYTES,
  TRANSPORT_ALPN,
  type TransportHeader,
  type TransportHeaderResult,
} from './header/transport-header.ts';
export { carriesIdentity, peerIdentity } from './identity/peer-identity.ts';
