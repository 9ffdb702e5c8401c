// One call of one webhook: an AdmissionReview posted over verified HTTPS, the answer read and checked.
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Clock } from '@weft/core';
import type { AdmissionRequest, AdmissionResponse, ValidatingWebhook } from '../../resources/webhook.ts';
import type { ServiceTarget } from '../api-server.ts';

export interface WebhookCallOptions {
  readonly dialService: ((target: ServiceTarget) => Promise<Duplex>) | undefined;
  readonly clock: Clock;
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Resolves with the webhook's response. Rejects with why it could not be called or understood. */
export async function callWebhook(
  webhook: ValidatingWebhook,
  request: AdmissionRequest,
  { dialService, clock }: WebhookCallOptions,
): Promise<AdmissionResponse> {
  const abort = new AbortController();
  const seconds = webhook.timeoutSeconds ?? 10;
  const timer = clock.after(seconds * 1000, () => abort.abort(new Error(`no answer within ${seconds} s`)));
  try {
    const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
    const answer = await Promise.race([post(webhook, body, dialService, abort.signal), aborted(abort.signal)]);
    return responseOf(answer, request.uid);
  } finally {
    timer.cancel();
    abort.abort(new Error('the call is over'));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')), { once: true });
  });
}

async function post(webhook: ValidatingWebhook, body: string, dialService: WebhookCallOptions['dialService'], signal: AbortSignal): Promise<string> {
  const { url, service, caBundle } = webhook.clientConfig;
  const ca = caBundle === undefined || caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString('utf8') };
  if (url !== undefined) return exchange(new URL(url), body, { ...ca, agent: false }, signal);
  if (!service) throw new Error('the webhook names neither url nor service');
  if (!dialService) throw new Error(`services cannot be dialed here: ${service.namespace}/${service.name}`);
  const host = `${service.name}.${service.namespace}.svc`;
  const port = service.port ?? 443;
  const stream = await dialService({ namespace: service.namespace, name: service.name, port });
  // The service's name is what the certificate must carry, whatever address was dialed.
  const socket = tls.connect({ socket: stream, servername: host, ALPNProtocols: ['http/1.1'], ...ca });
  signal.addEventListener('abort', () => stream.destroy(), { once: true });
  return exchange(new URL(`https://${host}:${port}${service.path ?? '/'}`), body, { createConnection: () => socket }, signal);
}

function exchange(url: URL, body: string, options: https.RequestOptions, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const request = https.request(url, { method: 'POST', headers, signal, ...options }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) request.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`answered with status ${response.statusCode ?? 0}: ${text.slice(0, 200)}`));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function responseOf(text: string, uid: string): AdmissionResponse {
  let review: { response?: AdmissionResponse } | null;
  try {
    review = JSON.parse(text) as { response?: AdmissionResponse } | null;
  } catch (error) {
    throw new Error('the answer is not JSON', { cause: error });
  }
  const response = review?.response;
  if (typeof response !== 'object' || response === null) throw new Error('the answer has no response');
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`);
  if (typeof response.allowed !== 'boolean') throw new Error('the answer does not say whether the request is allowed');
  if (response.patch !== undefined && response.patchType !== 'JSONPatch') throw new Error(`unsupported patchType ${JSON.stringify(response.patchType)}`);
  return response;
}
