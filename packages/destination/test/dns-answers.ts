// Answers of a DNS server as bytes, to the questions `A` and `SRV` of NAME with the identifier ID.
import { type Answer, encode } from 'dns-packet';

export const NAME = 'dst.linkerd.svc.cluster.local';
export const ID = 4711;

const answer = (type: 'A' | 'SRV', answers: Answer[], authorities: Answer[] = []): Buffer =>
  encode({ type: 'response', id: ID, questions: [{ type, name: NAME }], answers, authorities });

export const DNS_ANSWERS: readonly Buffer[] = [
  answer('A', [{ type: 'A', name: NAME, ttl: 30, data: '10.42.0.3' }]),
  answer('A', [
    { type: 'CNAME', name: NAME, ttl: 30, data: 'b.example' },
    { type: 'CNAME', name: 'b.example', ttl: 30, data: NAME },
    { type: 'A', name: 'b.example', ttl: 5, data: '10.42.0.4' },
  ]),
  answer('SRV', [{ type: 'SRV', name: NAME, ttl: 30, data: { target: `10-42-0-3.${NAME}`, port: 8086, priority: 0, weight: 1 } }]),
  answer('A', [], [{ type: 'SOA', name: 'cluster.local', ttl: 30, data: { mname: 'ns', rname: 'root', minimum: 5 } }]),
];
