// The HTTPS server of the webhook: TLS 1.3, serving certificate re-read when its files change, bodies bounded.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock, Logger } from '@weft/core';
import { type AdmissionLookups, type AdmissionObserver, BadReview, review } from './admission.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const RELOAD_MS = 10_000;

export interface WebhookServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM files; both are read again every ten seconds. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly lookups: AdmissionLookups;
  readonly observer: AdmissionObserver;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WebhookServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Rejects where the certificate cannot be read or the address not be bound. */
export async function startWebhook(options: WebhookServerOptions): Promise<WebhookServer> {
  const server = createServer({ minVersion: 'TLSv1.3', ...readPair(options) }, (request, response) => void answer(request, response, options));
  server.requestTimeout = 15_000;
  const reloading = reload(server, options);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen.port, options.listen.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        reloading.cancel();
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function readPair(options: WebhookServerOptions): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(options.certFile, 'utf8'), key: readFileSync(options.keyFile, 'utf8') };
}

/** A pair that cannot be read leaves the old one in use. */
function reload(server: Server, options: WebhookServerOptions): { cancel(): void } {
  let last = readPair(options);
  const tick = (): void => {
    try {
      const next = readPair(options);
      if (next.cert !== last.cert || next.key !== last.key) {
        server.setSecureContext({ minVersion: 'TLSv1.3', ...next });
        last = next;
        options.logger.log('info', 'the serving certificate was reloaded');
      }
    } catch (error) {
      options.logger.log('warn', 'the serving certificate could not be reloaded; the old one stays', { error: String(error) });
    }
    timer = options.clock.after(RELOAD_MS, tick);
  };
  let timer = options.clock.after(RELOAD_MS, tick);
  return { cancel: () => timer.cancel() };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: WebhookServerOptions): Promise<void> {
  try {
    const body = await readBody(request);
    if (body === '') return end(response, 200, '');
    end(response, 200, JSON.stringify(await review(body, options.lookups, options.observer)));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    options.logger.log('warn', 'a review was refused', { error: message });
    end(response, error instanceof BadReview ? 400 : 500, message);
  }
}

function end(response: ServerResponse, status: number, body: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'text/plain', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BadReview(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
