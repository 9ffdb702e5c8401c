// One HTTP/1 request of the load, and what came of it.
import { type Agent, request } from 'node:http';

export interface Asking {
  readonly port: number;
  readonly path: string;
  readonly agent: Agent | false;
  readonly method?: string;
  readonly body?: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly bytes: number;
  /** The body ended before its end. */
  readonly cut: boolean;
  readonly reason?: string | undefined;
}

/** Rejects where no response head comes. */
export function ask({ port, path, agent, method = 'GET', body }: Asking): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, agent, method }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({ status: response.statusCode ?? 0, bytes, cut: !response.complete, reason: response.headers['l5d-proxy-error']?.toString() }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
