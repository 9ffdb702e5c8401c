// Where to send DNS queries and how to complete names: resolv.conf(5).
import { isIp, type SocketAddress } from '@weft/core';

export interface ResolvConf {
  readonly servers: readonly SocketAddress[];
  readonly search: readonly string[];
  /** Names with at least this many dots are tried as they stand first. */
  readonly ndots: number;
  /** For one answer of one server. */
  readonly timeoutMs: number;
  /** Rounds over all servers. */
  readonly attempts: number;
}

const MAX_SERVERS = 3;

/** Lines that are not understood are skipped, as the system's own resolver does. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: SocketAddress[] = [];
  let search: readonly string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    // A zone index of a link-local server is dropped: there is no interface to bind to.
    const ip = words[0]?.replace(/%.*$/, '') ?? '';
    if (keyword === 'nameserver' && isIp(ip) && servers.length < MAX_SERVERS) servers.push({ ip, port: 53 });
    else if (keyword === 'search' || keyword === 'domain') search = words;
    else if (keyword === 'options') {
      for (const word of words) {
        const match = /^(ndots|timeout|attempts):([0-9]+)$/.exec(word);
        if (match) options.set(match[1] ?? '', Number(match[2]));
      }
    }
  }
  return {
    servers: servers.length > 0 ? servers : [{ ip: '127.0.0.1', port: 53 }],
    search,
    ndots: Math.min(options.get('ndots') ?? 1, 15),
    timeoutMs: Math.min(Math.max(options.get('timeout') ?? 5, 1), 30) * 1_000,
    attempts: Math.min(Math.max(options.get('attempts') ?? 2, 1), 5),
  };
}

/** The names to ask for, in order. A trailing dot means: as it stands. */
export function candidateNames(name: string, { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = search.map((suffix) => `${name}.${suffix.replace(/\.$/, '')}`);
  return name.split('.').length - 1 >= ndots ? [name, ...completed] : [...completed, name];
}
