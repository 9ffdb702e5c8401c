// The flags of weft-destination, which are those of Linkerd's. spec/control-plane.md §0, §1.1.
import type { Http2ClientParams } from '@weft/core';
import { boolFlag, customFlag, dnsNameFlag, intFlag, listenFlag, logLevelFlag, oneOfFlag, type Parsed, portSetFlag, stringFlag } from '@weft/process';
import { parseHttp2Params } from './http2-params.ts';

const http2Params = (text: string): Parsed<Http2ClientParams | undefined> => {
  try {
    return { ok: true, value: text.trim() === '' ? undefined : parseHttp2Params(text) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
};

export const destinationFlags = {
  addr: listenFlag({ default: { port: 8086 }, help: 'address of the gRPC server' }),
  'metrics-addr': listenFlag({ default: { port: 9996 }, help: 'address of the admin server' }),
  kubeconfig: stringFlag({ default: '', help: 'path to a kubeconfig; empty: in the cluster' }),
  'controller-namespace': stringFlag({ default: 'linkerd', help: 'namespace of the control plane' }),
  'outbound-transport-mode': oneOfFlag({ default: 'transparent', values: ['transparent', 'transport-header'], help: 'how meshed endpoints are reached' }),
  'enable-h2-upgrade': boolFlag({ default: true, help: 'lets proxies carry HTTP/1 in HTTP/2' }),
  'enable-endpoint-slices': boolFlag({ default: true, help: 'reads EndpointSlices rather than Endpoints' }),
  'enable-ipv6': boolFlag({ default: true, help: 'uses IPv6 addresses, and prefers them for dual-stack workloads; needs EndpointSlices' }),
  'identity-trust-domain': dnsNameFlag({ default: 'cluster.local', help: 'trust domain of workload identities' }),
  'cluster-domain': dnsNameFlag({ default: 'cluster.local', help: 'DNS domain of the cluster' }),
  'default-opaque-ports': portSetFlag({ default: [], help: 'ports that are opaque unless annotated otherwise' }),
  'stream-queue-capacity': intFlag({ default: 100, min: 1, help: 'accepted for compatibility: a slow stream holds one state' }),
  'export-queue-metrics': boolFlag({ default: true, help: 'accepted for compatibility' }),
  'meshed-http2-client-params': customFlag<Http2ClientParams | undefined>({
    default: undefined,
    defaultText: '',
    placeholder: 'json',
    help: 'Http2ClientParams for meshed endpoints, with the field names of the protobuf message',
    parse: http2Params,
  }),
  'ext-endpoint-zone-weights': boolFlag({ default: false, help: 'ten times the weight for endpoints in the zone of the client' }),
  'enable-pprof': boolFlag({ default: false, help: 'accepted for compatibility' }),
  'trace-collector': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'log-level': logLevelFlag({ default: 'info', help: 'panic, fatal, error, warn, info, debug, trace' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'format of the log' }),
} as const;
