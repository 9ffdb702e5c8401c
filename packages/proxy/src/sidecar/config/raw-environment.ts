// What the process was really given: Node decodes the environment and puts U+FFFD where bytes are not UTF-8. spec/proxy.md §1.2.
import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';

const ENVIRON = '/proc/self/environ';

/** Names of variables whose value is not UTF-8; undefined where the operating system does not tell. */
export function undecodableVariables(): ReadonlySet<string> | undefined {
  return existsSync(ENVIRON) ? undecodableIn(readFileSync(ENVIRON)) : undefined;
}

/** `NAME=value` records, each ended by a zero byte. */
export function undecodableIn(bytes: Buffer): ReadonlySet<string> {
  const names = new Set<string>();
  for (let from = 0; from < bytes.length; ) {
    const zero = bytes.indexOf(0, from);
    const record = bytes.subarray(from, zero < 0 ? bytes.length : zero);
    from += record.length + 1;
    const equals = record.indexOf(0x3d);
    if (equals > 0 && !isUtf8(record.subarray(equals + 1))) names.add(record.toString('utf8', 0, equals));
  }
  return names;
}
