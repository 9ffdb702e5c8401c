// What the inbound pipeline has learnt of one connection.
import type { IdentityId, InboundClient, Labels, SocketAddress, Unsubscribe, Watch } from '@weft/core';
import { type ServerTls, serverTlsLabels, targetLabels } from '../observe/labels.ts';
import type { InboundPlan } from '../route/inbound-plan.ts';

export interface InboundSession {
  /** Where in this pod the connection goes. */
  readonly target: SocketAddress;
  /** Who connected. */
  readonly remote: SocketAddress;
  readonly tls: ServerTls;
  /** One object per connection: authorizers remember their verdict by it. */
  readonly client: InboundClient;
  readonly clientId: IdentityId | undefined;
  /** target_* and tls labels. */
  readonly labels: Labels;
  readonly plan: LivePlan;
}

export function inboundSession(target: SocketAddress, remote: SocketAddress, tls: ServerTls, plan: LivePlan): InboundSession {
  const clientId = tls.kind === 'established' ? tls.clientId : undefined;
  return {
    target,
    remote,
    tls,
    clientId,
    client: { ip: remote.ip, tls: tls.kind === 'established' ? { kind: 'mesh', identity: clientId } : { kind: 'none' } },
    labels: { ...targetLabels(target), ...serverTlsLabels(tls) },
    plan,
  };
}

/** Of the metrics of the client's connection: with the Server that admits it now. */
export function sourceLabels({ labels, plan }: InboundSession): Labels {
  return { direction: 'inbound', peer: 'src', ...labels, ...plan.current.labels };
}

/** The newest plan of a port, held for the life of one connection. */
export class LivePlan {
  #current: InboundPlan | undefined;
  #onChange: (() => void) | undefined;
  readonly #release: Unsubscribe;

  constructor(watch: Watch<InboundPlan>) {
    this.#release = watch.subscribe((state) => {
      if (state.kind !== 'value') return;
      this.#current = state.value;
      this.#onChange?.();
    });
  }

  get current(): InboundPlan {
    if (!this.#current) throw new TypeError('an inbound policy is pending, which its port excludes');
    return this.#current;
  }

  /** Called after each change. */
  onChange(fn: () => void): void {
    this.#onChange = fn;
  }

  release(): void {
    this.#onChange = undefined;
    this.#release();
  }
}
