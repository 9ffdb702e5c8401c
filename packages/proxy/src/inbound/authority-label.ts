// The `authority` label of inbound requests: the name that they were sent to. Clients choose it, which is why it has to be asked for.
// spec/proxy.md §1.3 (INBOUND_METRICS_AUTHORITY_LABELS), §4.4 (precedence), §9.3.
import { canonicalDnsName, formatAuthority, isIp, parseAuthority } from '@weft/core';
import type { RequestHead } from '@weft/http';
import type { BoundedNames } from '../observe/bounded-names.ts';
import { canonicalDst } from '../relay/l5d-headers.ts';

const HTTP_PORT = 80;

export class AuthorityLabel {
  readonly #names: BoundedNames;

  constructor(names: BoundedNames) {
    this.#names = names;
  }

  /** Undefined where it names none, or one too many. */
  of(request: RequestHead): string | undefined {
    const canonical = canonicalDst(request);
    const name = (canonical === undefined ? undefined : named(canonical, undefined)) ?? (request.authority && named(request.authority, HTTP_PORT));
    return name !== undefined && name !== '' && this.#names.admits(name) ? name : undefined;
  }
}

/** As it is written in a URI of `http`: without the port that goes without saying. Addresses are no names. */
function named(text: string, defaultPort: number | undefined): string | undefined {
  const parsed = parseAuthority(text);
  const host = parsed && !isIp(parsed.host) ? canonicalDnsName(parsed.host) : undefined;
  const port = parsed?.port ?? defaultPort;
  if (host === undefined || port === undefined) return undefined;
  return formatAuthority({ host, port: port === HTTP_PORT ? undefined : port });
}
