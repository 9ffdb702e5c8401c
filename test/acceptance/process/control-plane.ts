// A scripted control plane: destination, policy and identity over real gRPC, holding what a test sets.
// `controlPlane().endpoints(…).outbound(…).inbound(…).start()`; everything can be changed while it runs.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type ServerUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js';
import {
  type ClientPolicy,
  type Credentials,
  constantWatch,
  createWatch,
  type Endpoint,
  type EndpointSet,
  formatIdentityId,
  formatSocketAddress,
  type Profile,
  type ServerPolicy,
  type SocketAddress,
  type WatchSource,
  type WatchState,
} from '@weft/core';
import { type CreatedAuthority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { type GrpcServer, startGrpcServer } from '@weft/process';
import { tlsServer } from '@weft/tls';
import {
  type CertifyRequest,
  type CertifyResponse,
  clientPolicyToWire,
  destinationService,
  diffToUpdates,
  type GetDestination,
  identityService,
  inboundPoliciesService,
  noEndpointsUpdate,
  outboundPoliciesService,
  type PortSpec,
  profileToWire,
  serverPolicyToWire,
  socketAddressFromWire,
  type TrafficSpec,
  timestampToWire,
} from '@weft/wire';

export interface ControlPlane extends AsyncDisposable {
  /** Where all three services listen, in plaintext. Changes when it is stopped and started again. */
  readonly address: SocketAddress;
  readonly authority: CreatedAuthority;
  /** Requests so far: `Get web:80`, `GetProfile 10.0.0.1:80`, `Watch 10.0.0.1:80`, `WatchPort 8080`, `Certify name`. */
  readonly requests: readonly string[];
  /** What was asked of the identity service. */
  readonly certifications: readonly CertifyRequest[];
  /** With TLS: the identity of each connection's client, undefined where it showed none. */
  readonly clients: readonly (string | undefined)[];
  endpointsOf(path: string): WatchSource<EndpointSet>;
  profileOf(target: string): WatchSource<Profile>;
  outboundOf(target: string): WatchSource<ClientPolicy>;
  inboundOf(port: number): WatchSource<ServerPolicy>;
  /** Ends the open streams of a request, such as `Get web:80`, with OK. */
  end(request: string): void;
  /** The next of these requests fails: UNAVAILABLE. */
  failNext(request: string): void;
  /** Certify waits until `release`. */
  holdCertificates(): { release(): void };
  /** Everything is signed by this authority from now on. */
  signWith(authority: CreatedAuthority): void;
  /** Goes away: listener and streams end. */
  stop(): Promise<void>;
}

export interface ControlPlaneBuilder {
  endpoints(path: string, ...endpoints: readonly Endpoint[]): ControlPlaneBuilder;
  profile(target: string, profile: Profile): ControlPlaneBuilder;
  /** Look-ups of this profile fail: InvalidArgument. */
  noProfile(target: string): ControlPlaneBuilder;
  outbound(target: string, policy: ClientPolicy): ControlPlaneBuilder;
  inbound(port: number, policy: ServerPolicy): ControlPlaneBuilder;
  authority(authority: CreatedAuthority): ControlPlaneBuilder;
  /** Takes this port. Default: a free one. */
  port(port: number): ControlPlaneBuilder;
  /** Serves over mesh TLS under this identity, with a certificate of the authority. Default: plaintext. */
  tls(identity: string): ControlPlaneBuilder;
  start(): Promise<ControlPlane>;
}

export function controlPlane(): ControlPlaneBuilder {
  const steps: ((plane: ControlPlane) => void)[] = [];
  let authority: CreatedAuthority | undefined;
  let port = 0;
  let identity: string | undefined;
  const builder: ControlPlaneBuilder = {
    endpoints: (path, ...endpoints) => step((plane) => plane.endpointsOf(path).set(endpoints)),
    profile: (target, profile) => step((plane) => plane.profileOf(target).set(profile)),
    noProfile: (target) => step((plane) => plane.profileOf(target).absent()),
    outbound: (target, policy) => step((plane) => plane.outboundOf(target).set(policy)),
    inbound: (port, policy) => step((plane) => plane.inboundOf(port).set(policy)),
    authority(value) {
      authority = value;
      return builder;
    },
    port(value) {
      port = value;
      return builder;
    },
    tls(name) {
      identity = name;
      return builder;
    },
    async start() {
      const plane = await startControlPlane(authority ?? (await createAuthority({ trustDomain: 'cluster.local' })), port, identity);
      for (const apply of steps) apply(plane);
      return plane;
    },
  };
  const step = (apply: (plane: ControlPlane) => void): ControlPlaneBuilder => {
    steps.push(apply);
    return builder;
  };
  return builder;
}

type Source<T> = WatchSource<T>;

async function startControlPlane(first: CreatedAuthority, port: number, identity: string | undefined): Promise<ControlPlane> {
  let authority = first;
  let held: Promise<void> | undefined;
  const requests: string[] = [];
  const certifications: CertifyRequest[] = [];
  const endpoints = sources<EndpointSet>();
  const profiles = sources<Profile>();
  const outbound = sources<ClientPolicy>();
  const inbound = sources<ServerPolicy>();
  const open = new Map<string, Set<ServerWritableStream<unknown, unknown>>>();
  const failing = new Set<string>();

  /** Whether the request is to be answered. */
  const begin = (call: ServerWritableStream<unknown, unknown>, request: string): boolean => {
    requests.push(request);
    if (failing.delete(request)) {
      call.emit('error', { code: status.UNAVAILABLE, details: `${request} is to fail` });
      return false;
    }
    const calls = open.get(request) ?? new Set();
    open.set(request, calls.add(call));
    for (const event of ['cancelled', 'close', 'finish']) call.on(event, () => calls.delete(call));
    return true;
  };

  const services: Parameters<typeof startGrpcServer>[0]['services'] = [
    [
      destinationService,
      {
        Get(call: ServerWritableStream<GetDestination, unknown>) {
          const path = call.request.path ?? '';
          if (!begin(call, `Get ${path}`)) return;
          let sent: EndpointSet = [];
          stream(call, endpoints(path), (state) => {
            if (state.kind === 'absent') return void call.write(noEndpointsUpdate(false));
            if (state.kind !== 'value') return;
            const updates = state.value.length === 0 ? [noEndpointsUpdate(true)] : diffToUpdates(sent, state.value);
            for (const update of updates) call.write(update);
            sent = state.value;
          });
        },
        GetProfile(call: ServerWritableStream<GetDestination, unknown>) {
          const target = call.request.path ?? '';
          if (!begin(call, `GetProfile ${target}`)) return;
          // Nothing scripted: the empty profile, as the reference answers for what it does not know.
          stream(call, profiles(target), (state) => {
            if (state.kind === 'absent') call.emit('error', { code: status.INVALID_ARGUMENT, details: `no profile for ${target}` });
            else call.write(state.kind === 'value' ? profileToWire(state.value) : {});
          });
        },
      },
    ],
    [
      outboundPoliciesService,
      {
        Watch(call: ServerWritableStream<TrafficSpec, unknown>) {
          const { addr, authority: name } = call.request;
          const target = addr ? formatSocketAddress(socketAddressFromWire(addr)) : (name ?? '');
          if (!begin(call, `Watch ${target}`)) return;
          stream(call, outbound(target), (state) => {
            if (state.kind === 'value') call.write(clientPolicyToWire(state.value));
            else call.emit('error', { code: status.NOT_FOUND, details: `no policy for ${target}` });
          });
        },
      },
    ],
    [
      inboundPoliciesService,
      {
        WatchPort(call: ServerWritableStream<PortSpec, unknown>) {
          const port = call.request.port ?? 0;
          if (!begin(call, `WatchPort ${port}`)) return;
          stream(call, inbound(String(port)), (state) => {
            if (state.kind === 'value') call.write(serverPolicyToWire(state.value));
            else call.emit('error', { code: status.NOT_FOUND, details: `no policy for port ${port}` });
          });
        },
      },
    ],
    [
      identityService,
      {
        async Certify(call: ServerUnaryCall<CertifyRequest, CertifyResponse>): Promise<CertifyResponse> {
          const { identity = '', certificateSigningRequest = new Uint8Array() } = call.request;
          requests.push(`Certify ${identity}`);
          certifications.push(call.request);
          await held;
          const { leaf, intermediates, expiresAt } = await authority.issue(certificateSigningRequest, identity);
          return { leafCertificate: leaf, intermediateCertificates: [...intermediates], validUntil: timestampToWire(expiresAt) };
        },
      },
    ],
  ];
  const plain = identity === undefined;
  const server = await startGrpcServer({ services, ...(plain && { listen: { host: '127.0.0.1', port } }) });
  const clients: (string | undefined)[] = [];
  const front = plain ? undefined : await tlsFront({ port, server, credentials: await credentialsOf(authority, identity), clients });
  const address = front?.address ?? server.address;
  if (!address) throw new TypeError('the control plane does not listen');
  const stop = async (): Promise<void> => {
    front?.close();
    await server.close(0);
  };
  return {
    address,
    get authority() {
      return authority;
    },
    requests,
    certifications,
    clients,
    endpointsOf: endpoints,
    profileOf: profiles,
    outboundOf: outbound,
    inboundOf: (port) => inbound(String(port)),
    end(request) {
      for (const call of open.get(request) ?? []) call.end();
    },
    failNext(request) {
      failing.add(request);
    },
    holdCertificates() {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => (release = resolve));
      return { release };
    },
    signWith(next) {
      authority = next;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function credentialsOf(authority: CreatedAuthority, identity: string): Promise<Credentials> {
  const { key, request } = await createKeyAndRequest(identity);
  const { leaf, intermediates, expiresAt } = await authority.issue(request, identity);
  return { identity, serverName: identity, key, chain: [leaf, ...intermediates], anchors: authority.anchors, expiresAt };
}

interface FrontOptions {
  readonly port: number;
  readonly server: GrpcServer;
  readonly credentials: Credentials;
  readonly clients: (string | undefined)[];
}

/** What the control plane's own proxies do on a cluster: terminate mutual TLS in front of plaintext gRPC. */
async function tlsFront({ port, server, credentials, clients }: FrontOptions): Promise<{ readonly address: SocketAddress; close(): void }> {
  const terminator = tlsServer({ credentials: constantWatch(credentials) });
  const listener = createServer((socket) => {
    terminator.accept(socket).then(
      (accepted) => {
        clients.push(accepted.clientId && formatIdentityId(accepted.clientId));
        server.inject(accepted.socket);
      },
      () => clients.push('refused'),
    );
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return {
    address: { ip: '127.0.0.1', port: address.port },
    close() {
      listener.close();
      terminator.close();
    },
  };
}

function sources<T>(): (key: string) => Source<T> {
  const known = new Map<string, Source<T>>();
  return (key) => {
    const source = known.get(key) ?? createWatch<T>();
    known.set(key, source);
    return source;
  };
}

/** Each state of the watch, the present one first (also while it is pending), until the client is gone. */
function stream<T>(call: ServerWritableStream<unknown, unknown>, source: Source<T>, write: (state: WatchState<T>) => void): void {
  const unsubscribe = source.watch.subscribe(write);
  for (const event of ['cancelled', 'close', 'finish']) call.on(event, unsubscribe);
}
