// Who may connect to a port. spec/proxy.md §8.1, §8.2.
import type { Authentication, Authorization } from '@weft/core';
import type { InboundAuthn, InboundAuthz } from '../gen/messages.ts';
import { networkFromWire, networkToWire } from './address.ts';
import { ConvertError } from './convert-error.ts';
import { metadataFromLabels, metadataFromWire, metadataToLabels, metadataToWire } from './metadata.ts';
import { each, join, nonEmpty, required, type Wire } from './path.ts';

export function authorizationFromWire(wire: InboundAuthz, at: string): Authorization {
  const networks = join(at, 'networks');
  return {
    metadata: wire.metadata
      ? metadataFromWire(wire.metadata, join(at, 'metadata'))
      : metadataFromLabels(wire.labels, 'serverauthorization', join(at, 'labels')),
    networks: each(nonEmpty(wire.networks, networks), networks, ({ net, except }, path) => ({
      net: networkFromWire(net, join(path, 'net')),
      except: each(except, join(path, 'except'), networkFromWire),
    })),
    authentication: authenticationFromWire(wire.authentication, join(at, 'authentication')),
  };
}

/** The labels are what older proxies read. */
export function authorizationToWire({ metadata, networks, authentication }: Authorization): InboundAuthz {
  return {
    networks: networks.map(({ net, except }) => ({ net: networkToWire(net), except: except.map(networkToWire) })),
    authentication: authenticationToWire(authentication),
    labels: metadataToLabels(metadata),
    metadata: metadataToWire(metadata),
  };
}

function authenticationFromWire(wire: Wire<InboundAuthn>, at: string): Authentication {
  const { unauthenticated, meshTLS } = required(wire, at);
  if (unauthenticated) return { kind: 'unauthenticated' };
  if (meshTLS?.unauthenticated) return { kind: 'tls' };
  if (!meshTLS) throw new ConvertError('KIND_UNKNOWN', join(at, 'permit'));
  if (!meshTLS.identities) throw new ConvertError('KIND_UNKNOWN', join(at, 'meshTLS.clients'));
  const { identities = [], suffixes = [] } = meshTLS.identities;
  return { kind: 'clients', identities: identities.map(({ name = '' }) => name), suffixes: suffixes.map(({ parts = [] }) => [...parts]) };
}

function authenticationToWire(authentication: Authentication): InboundAuthn {
  switch (authentication.kind) {
    case 'unauthenticated':
      return { unauthenticated: {} };
    case 'tls':
      return { meshTLS: { unauthenticated: {} } };
    case 'clients': {
      const identities = authentication.identities.map((name) => ({ name }));
      return { meshTLS: { identities: { identities, suffixes: authentication.suffixes.map((parts) => ({ parts })) } } };
    }
  }
}
