// What a proxy has between its two sides. A path is one hop, or two where a pair of proxies stands between client and backend.

export type Protocol = 'h1' | 'h2' | 'tcp';

export interface Side {
  readonly protocol: Protocol;
  /** Mutual TLS 1.3 with certificates of the mesh. */
  readonly tls: boolean;
}

export interface Hop {
  /** What it accepts. */
  readonly client: Side;
  /** What it sends on. */
  readonly server: Side;
}

export type Path = readonly [Hop] | readonly [Hop, Hop];

const plain = (protocol: Protocol): Side => ({ protocol, tls: false });
const MESH: Side = { protocol: 'h2', tls: true };

/** The same on both sides, without TLS. */
export const straight = (protocol: Protocol): Path => [{ client: plain(protocol), server: plain(protocol) }];
/** HTTP/2 in TLS comes in and leaves without. */
export const terminating: Path = [{ client: MESH, server: plain('h2') }];
/** Two proxies with HTTP/2 in TLS between them, whatever is outside. */
export const paired = (protocol: 'h1' | 'h2'): readonly [Hop, Hop] => [
  { client: plain(protocol), server: MESH },
  { client: MESH, server: plain(protocol) },
];

/** What the client of the whole path speaks. */
export const entry = (path: Path): Side => path[0].client;
/** What the backend speaks. */
export const exit = (path: Path): Side => (path[1] ?? path[0]).server;
