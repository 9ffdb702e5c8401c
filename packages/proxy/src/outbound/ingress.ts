// An ingress: each request may name its target itself; all others, and bytes, go where the connection was going. spec/proxy.md §2.3.
import { formatSocketAddress, isIp, parseAuthority, ReasonError, reason, reasonOf, type SocketAddress, socketAddressOf } from '@weft/core';
import type { Exchange, RequestHead } from '@weft/http';
import { takeDstOverride } from '../relay/l5d-headers.ts';
import type { Discover, Discovered, Lookup } from './discover.ts';
import { dispatch, httpPlanOf } from './dispatch.ts';
import { OutboundHttpConnection, type OutboundHttpOptions } from './serve-http.ts';

const DEFAULT_PORT = 80;

/** A name has a policy or profile of its own; an address is treated as an original destination is. */
export function lookupOverride(discover: Discover, override: string): Lookup {
  const named = parseAuthority(override);
  if (!named) throw new ReasonError(reason('REQUEST_INVALID', `l5d-dst-override: ${JSON.stringify(override)} is not an authority`));
  const { host, port = DEFAULT_PORT } = named;
  const address = isIp(host) ? socketAddressOf(host, port) : undefined;
  return address ? discover.lookup(address) : discover.lookupName(host, port);
}

export class IngressHttpConnection extends OutboundHttpConnection {
  readonly #discover: Discover;
  readonly #target: SocketAddress;

  constructor(options: OutboundHttpOptions, discover: Discover, target: SocketAddress) {
    super(options, formatSocketAddress(target));
    this.#discover = discover;
    this.#target = target;
  }

  protected override route(exchange: Exchange): void {
    const lookup = this.#lookup(exchange.request);
    const { current } = lookup;
    if (current) {
      try {
        this.#dispatch(exchange, current);
      } finally {
        lookup.release();
      }
    } else void this.#routeLater(exchange, lookup);
  }

  /** Never rejects. */
  async #routeLater(exchange: Exchange, lookup: Lookup): Promise<void> {
    try {
      const found = await lookup.ready(this.signal);
      if (!exchange.aborted) this.#dispatch(exchange, found);
    } catch (error) {
      if (!exchange.aborted) this.refuse(exchange, reasonOf(error));
    } finally {
      // What was submitted to a backend keeps it until it is done.
      lookup.release();
    }
  }

  #lookup(request: RequestHead): Lookup {
    const override = takeDstOverride(request);
    return override === undefined ? this.#discover.lookup(this.#target) : lookupOverride(this.#discover, override);
  }

  #dispatch(exchange: Exchange, found: Discovered): void {
    if (found.kind === 'refused') throw new ReasonError(found.reason);
    const plan = httpPlanOf(found.plan, exchange.request.version === '2' ? 'http/2' : 'http/1');
    dispatch(this, exchange, { plan });
  }
}
