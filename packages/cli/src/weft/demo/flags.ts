// The flags of `weft demo`.

export type RuntimeChoice = 'auto' | 'loopback' | 'netns';

export interface DemoFlags {
  readonly check: boolean;
  readonly runtime: RuntimeChoice;
  readonly seconds: number;
  readonly rate?: number;
  readonly port: number;
  readonly apiPort: number;
  /** Path; absent: the cluster goes with the demo. */
  readonly journal?: string;
  readonly verbose: boolean;
}

/** A number that is not negative. */
export function amount(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || text.trim() === '') throw new TypeError(`${JSON.stringify(text)} is not a number that is 0 or more`);
  return value;
}

export function port(text: string): number {
  const value = amount(text);
  if (!Number.isInteger(value) || value > 65535) throw new TypeError(`${JSON.stringify(text)} is not a port`);
  return value;
}
