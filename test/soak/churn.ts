// What is done over and over: each churn is a kind of traffic through the pair of proxies.

export interface ChurnWorld {
  /** Where the client's application connects: HTTP behind it answers with as many bytes as the path's number says. */
  readonly httpPort: number;
  /** The same for bytes: the application answers when the client has ended its side. */
  readonly tcpPort: number;
  /** Changes the endpoints of the HTTP service: the next of several sets. */
  rotateEndpoints(): void;
}

export interface Churn {
  readonly name: string;
  /** Rounds at scale 1. */
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
