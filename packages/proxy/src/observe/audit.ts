// Tells what only the default policy `audit` admits, in Linkerd's words, so that it can be searched for. spec/proxy.md §8.6.
import { type Authorization, formatIdentityId, type InboundClient, type Logger, type Metadata, metadataLabels } from '@weft/core';

export interface Audited {
  readonly server: Metadata;
  /** Absent for TCP. */
  readonly route?: Metadata;
  readonly client: InboundClient;
  readonly authorization: Authorization;
}

/** Called for each admitted request or connection whose authorization `isAudit`. */
export type Audit = (audited: Audited) => void;

export function isAudit({ metadata }: Authorization): boolean {
  return metadata.kind === 'default' && metadata.name === 'audit';
}

export function auditLog(logger: Logger): Audit {
  return ({ server, route, client, authorization }) => {
    const { tls } = client;
    const identity = tls.kind === 'mesh' && tls.identity ? formatIdentityId(tls.identity) : '';
    logger.log('info', 'Request allowed', {
      ...named('server', server),
      ...(route && named('route', route)),
      'client.ip': client.ip,
      'client.tls': tls.kind === 'mesh',
      'client.id': identity,
      ...named('authz', authorization.metadata),
    });
  };
}

function named(what: string, metadata: Metadata): Record<string, string> {
  const { group, kind, name } = metadataLabels(metadata);
  return { [`${what}.group`]: group, [`${what}.kind`]: kind, [`${what}.name`]: name };
}
