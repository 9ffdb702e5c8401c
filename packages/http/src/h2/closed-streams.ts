// What is remembered about closed streams, in bounded memory: frames that were under way when we reset a stream are no errors of the peer,
// frames after its own end are. RFC 9113 §5.1, "closed".

const REMEMBERED = 128;

/** Why a stream that is not open any more was closed, as far as is remembered; `skipped` was never open. */
export type ClosedHow = 'reset' | 'ended' | 'skipped' | 'unknown';

export class ClosedStreams {
  private readonly resets = new RecentIds();
  private readonly ends = new RecentIds();

  reset(id: number): void {
    this.resets.add(id);
  }

  ended(id: number): void {
    this.ends.add(id);
  }

  how(id: number): ClosedHow {
    if (this.resets.has(id)) return 'reset';
    if (this.ends.has(id)) return 'ended';
    return id <= this.resets.forgotten || id <= this.ends.forgotten ? 'unknown' : 'skipped';
  }
}

class RecentIds {
  /** The highest number that was remembered once and is no more. */
  forgotten = 0;
  private ids: number[] = [];
  private next = 0;

  add(id: number): void {
    if (this.ids.length < REMEMBERED) {
      this.ids.push(id);
      return;
    }
    this.forgotten = Math.max(this.forgotten, this.ids[this.next] as number);
    this.ids[this.next] = id;
    this.next = (this.next + 1) % REMEMBERED;
  }

  has(id: number): boolean {
    return this.ids.includes(id);
  }
}
