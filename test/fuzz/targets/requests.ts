// What proxies send to the controllers as text or DER: lookup paths, context tokens, workloads, signing requests.
import { webcrypto } from 'node:crypto';
import { ReasonError } from '@weft/core';
import { parseContextToken, parseLookupPath } from '@weft/destination/server';
import { parseWorkload } from '@weft/policy/server';
import { readCertificateRequest } from '../../../packages/identity/src/authority/certificate-request.ts';
import { jsonMutator } from '../mutate-json.ts';
import { type FuzzTarget, hold, kindOf, raw, texts } from '../target.ts';

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

export const requestTargets = [lookup, signingRequest];
