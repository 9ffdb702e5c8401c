// Addresses of pods: one after the other out of 10.42.0.0/16, an address that was given back only after all others.

export interface AddressPool {
  take(): string;
  giveBack(address: string): void;
}

/** 10.42.0.1 is the node. */
export const NODE_IP = '10.42.0.1';

const FIRST = 2;
const LAST = 0xfffe;

export function addressPool(): AddressPool {
  const used = new Set<number>();
  let next = FIRST;
  return {
    take() {
      for (let tries = FIRST; tries <= LAST; tries += 1) {
        const number = next;
        next = next === LAST ? FIRST : next + 1;
        // No network and broadcast-like last octets: harmless in /32 routing, confusing to people.
        if (used.has(number) || (number & 0xff) === 0 || (number & 0xff) === 0xff) continue;
        used.add(number);
        return `10.42.${number >> 8}.${number & 0xff}`;
      }
      throw new Error('no pod address left in 10.42.0.0/16');
    },
    giveBack(address) {
      const [, , high = '0', low = '0'] = address.split('.');
      used.delete(Number(high) * 256 + Number(low));
    },
  };
}
