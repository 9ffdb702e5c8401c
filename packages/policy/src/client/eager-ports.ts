// Which of the configured ports are watched from the start. Each is a stream for ever, and INBOUND_PORTS may name all of them.
import { type PortSet, portsOf } from '@weft/core';

/** Servers of the policy API commonly allow 200 streams on a connection; policies that connections wait for need some of them. */
export const MOST_EAGER_PORTS = 128;

export interface EagerPorts {
  readonly ports: readonly number[];
  /** How many are left to be watched when the first connection comes. */
  readonly left: number;
}

/** Single ports and short ranges first: they were named with intent. A range is watched as a whole or not at all. */
export function eagerPorts(set: PortSet, most = MOST_EAGER_PORTS): EagerPorts {
  const ports: number[] = [];
  let left = 0;
  for (const range of [...set].sort((a, b) => a.last - a.first - (b.last - b.first))) {
    const size = range.last - range.first + 1;
    if (ports.length + size <= most) ports.push(...portsOf([range]));
    else left += size;
  }
  return { ports: ports.sort((a, b) => a - b), left };
}
