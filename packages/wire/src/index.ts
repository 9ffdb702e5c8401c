// The linkerd2-proxy-api: typed service definitions for gRPC, and converters between its messages and the domain model of
// @weft/core. Messages and codecs are generated from proto/; everything that changes crosses here and only here.
// Example: const policy = clientPolicyFromWire(message); call.write(serverPolicyToWire(policy));
export { type Codec, codecOf, type MessageName } from './codec.ts';
export { ipFromWire, ipToWire, networkFromWire, networkToWire, socketAddressFromWire, socketAddressToWire } from './convert/address.ts';
export { clientPolicyFromWire, clientPolicyToWire } from './convert/client-policy.ts';
export { ConvertError, type ConvertErrorCode } from './convert/convert-error.ts';
export { type EndpointEncoder, endpointEncoder } from './convert/encoded-endpoints.ts';
export { endpointFromWire, endpointToWire } from './convert/endpoint.ts';
export { headersFromWire, headersToWire, methodFromWire, methodToWire, schemeFromWire, schemeToWire } from './convert/http-types.ts';
export { metadataFromWire, metadataToWire } from './convert/metadata.ts';
export { bigintFromLong, longFromBigint } from './convert/number.ts';
export { samePlain } from './convert/plain-data.ts';
export { profileFromWire, profileToWire } from './convert/profile.ts';
export { serverPolicyFromWire, serverPolicyToWire } from './convert/server-policy.ts';
export { tapEventToWire } from './convert/tap-event.ts';
export { tapMatchFromWire, tapMatchToWire } from './convert/tap-match.ts';
export { durationFromWire, durationToWire, timestampFromWire, timestampToWire } from './convert/time.ts';
export { type AppliedUpdate, applyUpdate, type DiffOptions, diffToUpdates, noEndpointsUpdate } from './convert/update-stream.ts';
export {
  type DestinationGetDestination as GetDestination,
  type DestinationProfile,
  type DestinationUpdate,
  type DestinationWeightedAddr,
  type DestinationWeightedAddrSet,
  type HttpTypesHeaders,
  type HttpTypesHttpMethod,
  type HttpTypesScheme,
  type IdentityCertifyRequest as CertifyRequest,
  type IdentityCertifyResponse as CertifyResponse,
  type InboundPortSpec as PortSpec,
  type InboundServer,
  type MessageTypes,
  type MetaMetadata,
  type NetIPAddress,
  type NetIPNetwork,
  type NetTcpAddress,
  type OutboundPolicy,
  type OutboundTrafficSpec as TrafficSpec,
  type TapEos,
  type TapEvent,
  type TapEventHttp,
  type TapEventHttpRequestInit,
  type TapEventHttpResponseEnd,
  type TapEventHttpResponseInit,
  type TapEventHttpStreamId,
  TapEventProxyDirection,
  type TapObserveRequest as ObserveRequest,
  type TapObserveRequestExtract as ObserveExtract,
  type TapObserveRequestMatch as ObserveMatch,
  type TapObserveRequestMatchHttp as ObserveHttpMatch,
  type TapObserveRequestMatchTcp as ObserveTcpMatch,
  type X509SVID,
  type X509SVIDRequest,
  type X509SVIDResponse,
} from './gen/messages.ts';
export type { BalanceObserver } from './rpc/balance-observer.ts';
export { type BalancedChannelOptions, balancedChannel } from './rpc/balanced-channel.ts';
export type { CallObserver, CallOutcome } from './rpc/call-observer.ts';
export { type CallOptions, type RpcChannel, RpcCode, RpcError } from './rpc/channel.ts';
export { type GrpcChannelOptions, grpcChannel } from './rpc/grpc-channel.ts';
export type { KeepAlive } from './rpc/grpc-connection.ts';
export { type ResubscribeOptions, resubscribe, type StreamLimits } from './rpc/resubscribe.ts';
export { type ScriptedCall, type ScriptedChannel, scriptedChannel } from './rpc/scripted-channel.ts';
export { unixDial } from './rpc/unix-dial.ts';
export { destinationService } from './services/destination-service.ts';
export { identityService } from './services/identity-service.ts';
export { inboundPoliciesService } from './services/inbound-policies-service.ts';
export { outboundPoliciesService } from './services/outbound-policies-service.ts';
export { spiffeWorkloadService } from './services/spiffe-workload-service.ts';
export { tapService } from './services/tap-service.ts';
