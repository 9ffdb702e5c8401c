// Certify over gRPC: the certifier behind grpc-js's handler, with log, metrics and events. spec/wire.md, identity.proto.
import type { handleUnaryCall } from '@grpc/grpc-js';
import { type Logger, type MetricRegistry, reasonOf, silentLogger } from '@weft/core';
import { type CertifyRequest, type CertifyResponse, RpcCode, timestampToWire } from '@weft/wire';
import type { Certified, Certifier } from './certifier.ts';
import { CertifyError } from './certify-status.ts';

export interface CertifyServiceOptions {
  readonly certifier: Certifier;
  readonly metrics: MetricRegistry;
  readonly logger?: Logger;
  /** Called after each certificate. Must not throw. */
  readonly onIssued?: (certified: Certified) => void;
  /** Called when the issuer no longer verifies. Must not throw. */
  readonly onIssuerInvalid?: (message: string) => void;
}

/** The implementation of `identityService` (`@weft/wire`). */
export interface CertifyService {
  readonly Certify: handleUnaryCall<CertifyRequest, CertifyResponse>;
}

export function certifyService(options: CertifyServiceOptions): CertifyService {
  const { certifier, metrics, logger = silentLogger, onIssued, onIssuerInvalid } = options;
  const answers = metrics.counter('weft_identity_certify_total', 'Certificate requests by outcome and reason');
  const issued = answers.with({ outcome: 'issued', reason: '' });

  async function certify(request: CertifyRequest, signal: AbortSignal): Promise<CertifyResponse> {
    const certified = await certifier(request, signal);
    const { certificate } = certified;
    issued.inc();
    logger.log('info', 'issued a certificate', {
      identity: certificate.identity,
      serial: certificate.serial,
      expires: new Date(certificate.expiresAt).toISOString(),
    });
    onIssued?.(certified);
    return {
      leafCertificate: certificate.leaf,
      intermediateCertificates: certificate.intermediates,
      validUntil: timestampToWire(certificate.expiresAt),
    };
  }

  return {
    Certify(call, callback) {
      const cancelled = new AbortController();
      call.on('cancelled', () => cancelled.abort());
      certify(call.request, cancelled.signal).then(
        (response) => callback(null, response),
        (error: unknown) => {
          const reason = error instanceof CertifyError ? error.reason : reasonOf(error);
          answers.with({ outcome: 'refused', reason: reason.code }).inc();
          logger.log('warn', 'refused to certify', { identity: call.request.identity, reason });
          if (error instanceof CertifyError && error.step === 'issuerInvalid') onIssuerInvalid?.(error.message);
          callback(error instanceof CertifyError ? { code: error.status, details: error.message } : { code: RpcCode.INTERNAL, details: 'internal error' });
        },
      );
    },
  };
}
