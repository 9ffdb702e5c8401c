// Who uses a wire, and what it may be asked for.

export interface WireOwner {
  /** Many exchanges share the wire now. */
  readonly crowded: boolean;
  wireData(chunk: Buffer): void;
  /** The peer ended its side. */
  wireEnd(): void;
  /** What was written has left, after `congested`. */
  wireDrained(): void;
  /** Last call. */
  wireClosed(error: Error | undefined): void;
}

/** Produces what is to be written when the wire is flushed. */
export interface WireSource {
  /** The next bytes, null when there are no more. They must not change afterwards. */
  takeOutput(): Buffer | null;
}

/** Of wires whose owner is still to come, before anything can happen on them. */
export const NOBODY: WireOwner = {
  crowded: false,
  wireData: () => undefined,
  wireEnd: () => undefined,
  wireDrained: () => undefined,
  wireClosed: () => undefined,
};
