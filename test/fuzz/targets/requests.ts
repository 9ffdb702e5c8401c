// What proxies send to the controllers as text or DER: lookup paths, context tokens, workloads, signing requests; and what an agent
// sends to a proxy: certificates in a row.
import { webcrypto } from 'node:crypto';
import { ReasonError } from '@weft/core';
import { parseContextToken, parseLookupPath } from '@weft/destination/server';
import { parseWorkload } from '@weft/policy/server';
import { readCertificateRequest } from '../../../packages/identity/src/authority/certificate-request.ts';
import { chooseSvid } from '../../../packages/identity/src/client/spiffe/choose-svid.ts';
import { splitDer } from '../../../packages/identity/src/client/spiffe/der-sequence.ts';
import { jsonMutator } from '../mutate-json.ts';
import { type FuzzTarget, hold, kindOf, raw, texts, Violation } from '../target.ts';

const lookup: FuzzTarget = {
  name: 'lookup',
  tokens: ['{', '}', '"', ':', 'ns', 'pod', 'nodeName', '[', ']', '80', '0', '65536', '.svc.cluster.local'],
  mutator: jsonMutator(['ns', 'pod', 'nodeName', 'x']),
  seeds: () => texts('{"ns":"emojivoto","nodeName":"a","pod":"web-1"}', 'ns:emojivoto', 'emojivoto:web-1', 'web.ns.svc.cluster.local:80', '[fd00::1]:80'),
  run(input) {
    const text = input.toString('utf8');
    const path = parseLookupPath(text);
    hold(!path || (path.port >= 1 && path.port <= 65535 && path.host !== ''), 'the path has no host or no port');
    const context = parseContextToken(text);
    hold(
      Object.values(context).every((value) => typeof value === 'string'),
      'the context has a member that is no text',
    );
    const workload = parseWorkload(text);
    return `${path !== undefined} ${context.namespace !== ''} ${context.pod !== ''} ${workload !== undefined}`;
  },
};

/** Requests in DER are in the corpus. */
const signingRequest: FuzzTarget = {
  name: 'certificate-request',
  tokens: raw('\x30\x82', '\x82\x06web.ns', 'U\x1d\x11', '\x31', '\x03\x48', '\x30\x80'),
  seeds: () => [],
  async run(input) {
    try {
      const request = await readCertificateRequest(input, webcrypto as webcrypto.Crypto);
      return `read ${request.names.map((name) => name.type).join(' ')}`;
    } catch (error) {
      if (error instanceof ReasonError && error.reason.code === 'CSR_INVALID') return kindOf(error);
      throw error;
    }
  },
};

const svid: FuzzTarget = {
  name: 'svid',
  tokens: raw('\x30\x03', '\x30\x81\x80', '\x30\x82', '\x30\x83', '\x30\x80', '\x31\x00'),
  seeds: () => raw('\x30\x00', '\x30\x03abc\x30\x02xy', `\x30\x81\x80${'a'.repeat(128)}\x30\x82\x01\x00${'b'.repeat(256)}`),
  run(input) {
    const pieces = splitDer(input, 16);
    hold(!pieces || Buffer.concat(pieces).equals(input), 'the pieces are not the whole');
    const offered = { svids: [{ spiffeId: 'spiffe://td/a', x509Svid: input, x509SvidKey: input }] };
    try {
      chooseSvid(offered, { identity: 'spiffe://td/a', serverName: 'a', anchors: [], now: 0 });
    } catch (error) {
      if (error instanceof ReasonError && error.reason.code === 'CERTIFICATE_UNUSABLE') return `${pieces?.length} ${kindOf(error)}`;
      throw error;
    }
    throw new Violation('nobody vouches for it, and it was taken');
  },
};

export const requestTargets = [lookup, signingRequest, svid];
