// A small file that somebody rotates: a token, a certificate, an authority. Read again at most once a minute, and when asked to.
import { readFileSync } from 'node:fs';
import type { Clock } from '@weft/core';
import { KubeError } from '../client/kube-error.ts';

/** The kubelet renews tokens long before their end; client-go looks as often. */
const FRESH_MS = 60_000;

export interface FreshFile {
  /** The text without surrounding space. Throws KubeError CONFIG where it never could be read; later the last text stays while it cannot. */
  read(): string;
  /** Looks again at once. True when there is another text now. */
  reread(): boolean;
}

export function freshFile(path: string, clock: Clock): FreshFile {
  let text: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    readAt = clock.now();
    try {
      // A file that is being replaced may be empty for a moment.
      const found = readFileSync(path, 'utf8').trim();
      if (found !== '' || text === undefined) text = found;
    } catch (error) {
      if (text === undefined) throw new KubeError('CONFIG', `cannot read ${path}`, { cause: error });
    }
  };
  const read = (): string => {
    if (text === undefined || clock.now() - readAt >= FRESH_MS) look();
    return text ?? '';
  };
  return {
    read,
    reread() {
      const before = text;
      look();
      return text !== before;
    },
  };
}
