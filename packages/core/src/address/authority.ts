// `host[:port]`, the authority of a URI (RFC 3986 §3.2) and the form of every lookup path.
import { canonicalIp } from './ip.ts';

export interface Authority {
  /** A DNS name as given, or a canonical IP without brackets. */
  readonly host: string;
  readonly port?: number | undefined;
}

/** Parses `name`, `name:port`, `ip:port`, `[v6]` and `[v6]:port`. Returns undefined where the host is empty or the port is not 1 – 65535. */
export function parseAuthority(text: string): Authority | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/?#@\s]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const [, v6, name, portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  if (v6 !== undefined) {
    const host = canonicalIp(v6);
    return host?.includes(':') ? { host, port } : undefined;
  }
  return { host: name ?? '', port };
}

export function formatAuthority(authority: Authority): string {
  const host = authority.host.includes(':') ? `[${authority.host}]` : authority.host;
  return authority.port === undefined ? host : `${host}:${authority.port}`;
}
