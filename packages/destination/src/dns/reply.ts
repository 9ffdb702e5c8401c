// A datagram or TCP message as the answer to one question, or as none. RFC 1035 §4.1; RFC 2308 §5 (negative answers).
import { type Answer, type DecodedPacket, decode } from 'dns-packet';
import { sameName } from './records.ts';

export type QuestionType = 'A' | 'AAAA' | 'SRV';

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: QuestionType;
}

export interface Reply {
  readonly answers: readonly Answer[];
  /** False: the name does not exist (NXDOMAIN). True without answers: it has no records of this type. */
  readonly exists: boolean;
  /** Only the head fitted: the same is to be asked over TCP. */
  readonly truncated: boolean;
  /** How long the absence of answers may be remembered: the SOA's minimum. */
  readonly negativeTtlSeconds?: number | undefined;
  /** Set where the server failed; `answers` say nothing then. */
  readonly failure?: string | undefined;
}

/** Undefined for anything that does not answer the question: garbage, and answers to others. Never throws. */
export function readReply(bytes: Buffer, { id, name, type }: Question): Reply | undefined {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    return undefined; // Not a DNS message: whoever waits goes on waiting for one.
  }
  const [question] = packet.questions ?? [];
  if (packet.type !== 'response' || packet.id !== id || question?.type !== type || !sameName(question.name, name)) return undefined;
  const { rcode } = packet as DecodedPacket & { readonly rcode?: string };
  // NXDOMAIN is an answer: the name does not exist.
  const failed = rcode !== 'NOERROR' && rcode !== 'NXDOMAIN';
  const soa = packet.authorities?.find((record) => record.type === 'SOA');
  const minimum = soa?.type === 'SOA' ? Math.min(soa.data.minimum ?? Number.POSITIVE_INFINITY, soa.ttl ?? Number.POSITIVE_INFINITY) : undefined;
  return {
    answers: failed ? [] : (packet.answers ?? []),
    exists: rcode === 'NOERROR',
    truncated: packet.flag_tc,
    negativeTtlSeconds: Number.isFinite(minimum) ? minimum : undefined,
    failure: failed ? String(rcode) : undefined,
  };
}
