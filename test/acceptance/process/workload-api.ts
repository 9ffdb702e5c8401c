// A SPIFFE Workload API on a Unix socket, as SPIRE's agent serves it: real gRPC, certificates of a test authority.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import { type Authority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { spiffeWorkloadService, type X509SVID, type X509SVIDRequest, type X509SVIDResponse } from '@weft/wire';

type Call = ServerWritableStream<X509SVIDRequest, X509SVIDResponse>;

export interface WorkloadApi extends AsyncDisposable {
  /** Of the socket. */
  readonly path: string;
  /** Subscriptions so far that carried the security metadata, and those that did not. */
  readonly subscriptions: { good: number; bad: number };
  /** Everyone who is or will be subscribed gets these. */
  offer(...svids: readonly X509SVID[]): void;
  /** Ends every subscription with this status; the socket stays. */
  endAll(code: number): void;
  /** Goes away, socket and all; `start` brings it back at the same place with what it offered last. */
  stop(): void;
  start(): Promise<void>;
}

/** A certificate for `id`, which may be called by another id than it carries. */
export async function svidOf(authority: Authority, id: string, calledId = id): Promise<X509SVID> {
  const { key, request } = await createKeyAndRequest(id);
  const { leaf, intermediates } = await authority.issue(request, id);
  // Whoever trusts the bundle of the answer trusts nobody that the mesh knows.
  const [bundle] = (await createAuthority({ trustDomain: 'elsewhere' })).anchors;
  return { spiffeId: calledId, x509Svid: Buffer.concat([leaf, ...intermediates]), x509SvidKey: key, ...(bundle && { bundle }) };
}

export async function workloadApi(...svids: readonly X509SVID[]): Promise<WorkloadApi> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-agent-'));
  const path = join(dir, 'api.sock');
  const subscriptions = { good: 0, bad: 0 };
  const calls = new Set<Call>();
  let offered = svids;
  let server: Server | undefined;

  const subscribe = (call: Call): void => {
    if (call.metadata.get('workload.spiffe.io')[0] !== 'true') {
      subscriptions.bad++;
      call.emit('error', { code: status.INVALID_ARGUMENT, details: 'security header missing from request' });
      return;
    }
    subscriptions.good++;
    calls.add(call);
    call.on('cancelled', () => calls.delete(call));
    call.write({ svids: offered });
  };
  const api: WorkloadApi = {
    path,
    subscriptions,
    offer(...next) {
      offered = next;
      for (const call of calls) call.write({ svids: next });
    },
    endAll(code) {
      for (const call of calls) {
        if (code === status.OK) call.end();
        else call.emit('error', { code, details: 'the agent says so' });
      }
      calls.clear();
    },
    stop() {
      calls.clear();
      server?.forceShutdown();
      server = undefined;
      rmSync(path, { force: true });
    },
    async start() {
      const next = new Server();
      next.addService(spiffeWorkloadService, { FetchX509SVID: subscribe });
      await new Promise<void>((resolve, reject) => {
        next.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
      });
      server = next;
    },
    async [Symbol.asyncDispose]() {
      api.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await api.start();
  return api;
}
