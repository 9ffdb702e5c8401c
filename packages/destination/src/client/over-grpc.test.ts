// The discovery client against a real gRPC server that goes away and comes back.
import type { ServerWritableStream } from '@grpc/grpc-js';
import { type EndpointSet, plainEndpoint, type WatchState } from '@weft/core';
import { type GrpcServer, startGrpcServer } from '@weft/process';
import { type DestinationUpdate, destinationService, diffToUpdates, type GetDestination, grpcChannel } from '@weft/wire';
import { expect, test, vi } from 'vitest';
import { destinationClient } from './destination-client.ts';

type Get = ServerWritableStream<GetDestination, DestinationUpdate>;
const at = (ip: string) => plainEndpoint({ ip, port: 8080 });

async function serve(port: number, ...sets: readonly EndpointSet[]): Promise<GrpcServer> {
  const Get = (call: Get): void => {
    let sent: EndpointSet = [];
    for (const set of sets) {
      for (const update of diffToUpdates(sent, set)) call.write(update);
      sent = set;
    }
  };
  const GetProfile = (call: ServerWritableStream<GetDestination, unknown>): void => void call.write({});
  return startGrpcServer({ listen: { host: '127.0.0.1', port }, services: [[destinationService, { Get, GetProfile }]] });
}

test('keeps the last set while the server is away and takes the new one when it is back', async () => {
  const first = await serve(0, [at('10.42.0.1')], [at('10.42.0.1'), at('fd00::2')]);
  const port = first.address?.port ?? 0;
  const channel = grpcChannel({ target: `127.0.0.1:${port}`, backoff: { minMs: 5, maxMs: 20, jitter: 0 } });
  const client = destinationClient({ channel, backoff: { minMs: 5, maxMs: 20, jitter: 0 }, profileSuffixes: ['.'] });
  const states: WatchState<EndpointSet>[] = [];
  const stop = client.endpoints('web:80').subscribe((state) => states.push(state));
  const last = (): unknown => {
    const state = states.at(-1);
    return state?.kind === 'value' ? [state.stale, ...state.value.map(({ address }) => address.ip)] : state?.kind;
  };
  await vi.waitFor(() => expect(last()).toEqual([false, '10.42.0.1', 'fd00::2']));
  await first.close(0);
  await vi.waitFor(() => expect(last()).toEqual([true, '10.42.0.1', 'fd00::2']));
  const second = await serve(port, [at('10.42.0.3')]);
  await vi.waitFor(() => expect(last()).toEqual([false, '10.42.0.3']));
  const profile = client.profile('web.ns:80');
  const release = profile.subscribe(() => undefined);
  await vi.waitFor(() => expect(profile.state).toMatchObject({ kind: 'value', value: { fullyQualifiedName: '', routes: [] } }));
  release();
  stop();
  client.close();
  channel.close();
  await second.close(0);
});
