// What is done over and over: each churn is a kind of traffic from a client's application through the proxies to an application and back.

/** Where the client's application connects. */
export interface Entries {
  /** HTTP/1 application behind a pair of proxies. */
  readonly pair: number;
  /** The same application behind the client's proxy alone. */
  readonly plain: number;
  /** HTTP/2 application behind a pair of proxies. */
  readonly http2: number;
  /** Bytes, behind a pair of proxies: the application answers with what it got when the client has ended its side. */
  readonly tcp: number;
  /** The same behind the client's proxy alone. */
  readonly plainTcp: number;
  /** As `pair` and `plain`, through proxies that lose patience with silence. */
  readonly impatientPair: number;
  readonly impatientPlain: number;
}

export interface ChurnWorld extends Entries {
  /** Changes the endpoints of the HTTP services: the next of several sets. */
  rotateEndpoints(): void;
}

export interface Churn {
  readonly name: string;
  /** Rounds at scale 1: one exchange, or one connection that never becomes one. */
  readonly rounds: number;
  /** How many run at a time. */
  readonly width: number;
  /** Made once; `round` is called with 0, 1, 2, … and its rejection ends the soak; `close` lets go of everything. */
  start(world: ChurnWorld): { round(index: number): Promise<void>; close(): void };
}

/** Runs `count` rounds, `width` at a time. */
export async function runRounds(count: number, width: number, round: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await round(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
