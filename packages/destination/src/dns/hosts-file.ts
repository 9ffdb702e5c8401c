// Names that a machine knows without DNS: hosts(5).
import { canonicalIp } from '@weft/core';

/** Lines read at most: a file that blocks half of the Internet is no list of hosts. */
const MAX_LINES = 10_000;

/** Addresses of a name, in the order of the file; names are compared without case and trailing dot. Lines that are not understood are skipped. */
export function hostsFileAddresses(text: string, name: string): readonly string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const found = new Set<string>();
  for (const line of text.split('\n', MAX_LINES)) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    // A zone index is dropped: there is no interface to bind to.
    const ip = canonicalIp(address.replace(/%.*$/, ''));
    if (ip !== undefined && names.some((one) => one.toLowerCase() === wanted)) found.add(ip);
  }
  return [...found];
}
