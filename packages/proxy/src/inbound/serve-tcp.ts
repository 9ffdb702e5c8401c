// Relays one inbound connection to the application as bytes, as long as policy admits it. spec/proxy.md §8.4.
import type { Socket } from 'node:net';
import { ReasonError } from '@weft/core';
import type { Connection } from '../accept/connections.ts';
import { type Audit, isAudit } from '../observe/audit.ts';
import type { AuthzMetrics } from '../observe/authz-metrics.ts';
import { authzLabels } from '../observe/labels.ts';
import type { Refusals } from '../observe/refusals.ts';
import { relay } from '../relay/tcp-relay.ts';
import type { Applications } from './applications.ts';
import type { InboundSession } from './session.ts';

export interface InboundTcpShared {
  readonly applications: Applications;
  readonly authz: AuthzMetrics;
  readonly audit: Audit;
  readonly refusals: Refusals;
}

/**
 * Resolves when both sides are closed; rejects with a ReasonError when the client is not admitted or the application not reached. `dial` is
 * asked once the client is admitted. Default: it connects to the application.
 */
export async function serveInboundTcp(
  shared: InboundTcpShared,
  session: InboundSession,
  connection: Connection,
  stream: Socket,
  dial: () => Promise<Socket> = () => shared.applications.dial(session.target, connection.signal),
): Promise<void> {
  const { plan, client } = session;
  const verdict = plan.current.tcp.authorize(client);
  if (verdict.kind === 'denied') {
    shared.authz.tcp.deny.with({ ...session.labels, ...plan.current.labels }).inc();
    throw new ReasonError(verdict.reason);
  }
  shared.authz.tcp.allow.with({ ...session.labels, ...plan.current.labels, ...authzLabels(verdict.authorization) }).inc();
  if (isAudit(verdict.authorization)) shared.audit({ server: plan.current.server, client, authorization: verdict.authorization });
  const application = await dial();
  if (connection.signal.aborted) return void application.destroy();
  const relayed = relay(stream, application);
  connection.enter({ drain: () => undefined, destroy: (error) => relayed.destroy(error) });
  const check = (): void => {
    // What is over already is not terminated.
    if (stream.destroyed && application.destroyed) return;
    const again = plan.current.tcp.authorize(client);
    if (again.kind === 'allowed') return;
    plan.release();
    shared.authz.tcp.terminate.with({ ...session.labels, ...plan.current.labels }).inc();
    shared.refusals.connection('inbound', again.reason, session.labels, { client: client.ip, target: session.labels.target_addr });
    relayed.destroy(new ReasonError(again.reason));
  };
  plan.onChange(check);
  // The policy may have changed while the application was connected to.
  check();
  await relayed.closed;
}
