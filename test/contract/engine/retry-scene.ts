// The engine between clients and several origins, where a script decides what is tried again: for the cases of retries and of replayed bodies.
import type { ServerHttp2Stream } from 'node:http2';
import type { Exchange, ForwardFailure, ResponseHead, RetryRules, Upstream } from '@weft/http';
import { type Bench, type Version, Watched } from './bench.ts';
import { http1, http2, readAll } from './calls.ts';
import { dialPort } from './peer.ts';

export interface Tries {
  readonly port: number;
  /** One per forward, in order. */
  readonly watched: readonly Watched[];
  readonly failures: readonly ForwardFailure[];
  /** Heads that were relayed. */
  readonly relayed: readonly number[];
  readonly exchanges: readonly Exchange[];
}

export interface Script {
  readonly client: Version;
  readonly server?: Version;
  /** Ports that tries go to in turn; the last one for all that follow. */
  readonly origins: readonly number[];
  readonly judge?: RetryRules['judge'];
  readonly judgeTrailers?: RetryRules['judgeTrailers'];
  readonly held?: (exchange: Exchange, again: () => void) => void;
  readonly failed?: (exchange: Exchange, again: () => void) => void;
  readonly maxBodyBytes?: number;
  readonly onExchange?: (exchange: Exchange, start: () => void) => void;
}

/** The engine between clients and origins, with what a script decides. By default 5xx is tried again, and so is what fails. */
export async function tries(bench: Bench, script: Script): Promise<Tries> {
  const { client, server = client, origins } = script;
  const watched: Watched[] = [];
  const failures: ForwardFailure[] = [];
  const relayed: number[] = [];
  const exchanges: Exchange[] = [];
  const upstreams = origins.map((port): Upstream => {
    const upstream = bench.engine.upstream({ version: server, dial: async () => await dialPort(port) });
    bench.defer(() => upstream.destroy());
    return upstream;
  });
  const onExchange = (exchange: Exchange): void => {
    exchanges.push(exchange);
    let tried = 0;
    const start = (): void => {
      const observer = new Watched();
      watched.push(observer);
      const upstream = upstreams[Math.min(tried, upstreams.length - 1)] as Upstream;
      tried += 1;
      exchange.forward(upstream, rules, observer);
    };
    const retry: RetryRules = {
      maxBodyBytes: script.maxBodyBytes ?? 1000,
      judge: script.judge ?? ((head) => (head.status >= 500 ? 'retry' : 'relay')),
      judgeTrailers: script.judgeTrailers ?? (() => 'relay'),
      held: (one) => {
        if (script.held !== undefined) script.held(one, start);
        else {
          one.abandon?.();
          start();
        }
      },
    };
    const rules = {
      origProto: 'none' as const,
      retry,
      response: (head: ResponseHead) => void relayed.push(head.status),
      failed: (one: Exchange, failure: ForwardFailure) => {
        failures.push(failure);
        if (script.failed !== undefined) script.failed(one, start);
        else if (one.repeatable === true && failures.length < 5) start();
        else one.respond({ status: 502, headers: ['l5d-proxy-error', failure.kind] });
      },
    };
    if (script.onExchange === undefined) start();
    else script.onExchange(exchange, start);
  };
  const { port } = await bench.listen((socket) => void bench.engine.serve(socket, { version: client }, onExchange));
  return { port, watched, failures, relayed, exchanges };
}

/** Answers each request with the next status, and says what body it got. */
export async function origin(bench: Bench, version: Version, statuses: readonly number[]): Promise<{ readonly port: number; readonly bodies: string[] }> {
  const bodies: string[] = [];
  const next = (): number => statuses[Math.min(bodies.length, statuses.length) - 1] ?? 200;
  if (version === 'http/1') {
    const port = await bench.http1Origin((request, response) => {
      void readAll(request).then((body) => {
        bodies.push(body);
        response.writeHead(next()).end(`answer ${bodies.length}`);
      });
    });
    return { port, bodies };
  }
  const { port } = await bench.http2Origin((stream) => {
    void readAll(stream).then((body) => {
      bodies.push(body);
      stream.respond({ ':status': next() });
      stream.end(`answer ${bodies.length}`);
    });
  });
  return { port, bodies };
}

export const ask = async (bench: Bench, version: Version, port: number, body?: string): Promise<{ readonly status: number; readonly body: string }> => {
  const method = body === undefined ? 'GET' : 'POST';
  if (version === 'http/1') return await http1(port, { method, ...(body === undefined ? {} : { body }) });
  return await http2(bench.http2Client(port), { headers: { ':method': method }, ...(body === undefined ? {} : { body }) });
};

/** An answer that is waited for later: if a case fails before, nobody does. */
export function pending<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}

export const VERSIONS = ['http/1', 'http/2'] as const;

/** A stream of an origin that begins a response and goes on when it is told. */
export async function gradual(bench: Bench): Promise<{ readonly port: number; readonly streams: ServerHttp2Stream[]; readonly closed: Promise<number>[] }> {
  const streams: ServerHttp2Stream[] = [];
  const closed: Promise<number>[] = [];
  const { port } = await bench.http2Origin((stream) => {
    stream.resume();
    closed.push(new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode))));
    streams.push(stream);
  });
  return { port, streams, closed };
}
