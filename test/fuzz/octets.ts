// Bodies whose octet at each position is known, so that one lost, doubled or out of order shows without keeping anything.

/** Prime, so that no frame size or window hides a shift. */
const PERIOD = 4_093;
const MOST = 262_144;
const octets = Buffer.from(Array.from({ length: PERIOD + MOST }, (_, at) => ((at % PERIOD) * 31 + ((at % PERIOD) >> 8)) & 0xff));

/** The octets `[at, at + length)` of the body of a stream, in memory of their own. */
export function octetsOf(stream: number, at: number, length: number): Buffer {
  const from = (stream * 577 + at) % PERIOD;
  return Buffer.from(octets.subarray(from, from + length));
}

/** Checks what comes on one stream against what must. */
export class BodyCheck {
  bytes = 0;
  private readonly stream: number;

  constructor(stream: number) {
    this.stream = stream;
  }

  /** False for an octet that stands elsewhere in the body. */
  take(part: Uint8Array): boolean {
    const from = (this.stream * 577 + this.bytes) % PERIOD;
    this.bytes += part.length;
    return Buffer.compare(octets.subarray(from, from + part.length), part) === 0;
  }
}
