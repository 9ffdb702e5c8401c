// The web front end: the page, and a JSON API over the two gRPC services.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { voteMethod } from '../catalogue.ts';
import { emojiService } from '../proto/emoji-service.ts';
import { resultsMethod, voteMethods } from '../proto/voting-service.ts';
import { type RunningServer, rpcClient } from '../rpc.ts';
import { FAVICON, renderPage } from './page.ts';

export interface WebOptions {
  readonly port: number;
  /** Address to listen on. Default 0.0.0.0: every interface. */
  readonly host?: string;
  /** `host:port` of the emoji service. */
  readonly emojiHost: string;
  /** `host:port` of the voting service. */
  readonly votingHost: string;
  readonly messageOfTheDay?: string;
}

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function startWeb(options: WebOptions): Promise<RunningServer> {
  const emoji = rpcClient(options.emojiHost);
  const voting = rpcClient(options.votingHost);
  const page = renderPage(options.messageOfTheDay ?? 'Vote for your favourite.');

  const find = async (shortcode: string) => (await emoji.call(emojiService.FindByShortcode, { Shortcode: shortcode })).Emoji;
  const api: Record<string, (query: URLSearchParams) => Promise<unknown>> = {
    '/api/list': async () => (await emoji.call(emojiService.ListAll, {})).list,
    '/api/vote': async (query) => {
      const choice = query.get('choice') ?? '';
      if (choice === '') throw new HttpError(400, 'the parameter "choice" is missing');
      const method = voteMethods.get(voteMethod(choice));
      if (!(await find(choice)) || !method) throw new HttpError(400, `"${choice}" cannot be voted for`);
      await voting.call(method, {});
      return {};
    },
    '/api/leaderboard': async () => {
      const { results } = await voting.call(resultsMethod, {});
      return Promise.all(
        results.map(async ({ Shortcode = '', Votes = 0 }) => ({ shortcode: Shortcode, unicode: (await find(Shortcode))?.unicode ?? '', votes: Votes })),
      );
    },
  };

  const server = createServer((request, response) => {
    // Proxies may pass the absolute form; what does not parse as a URL is refused, not thrown.
    const target = request.url ?? '/';
    const url = URL.canParse(target, 'http://web') ? new URL(target, 'http://web') : undefined;
    if (!url) return send(response, 400, 'application/json', JSON.stringify({ error: `the request target ${JSON.stringify(target)} is not a URL` }));
    const call = api[url.pathname];
    if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'application/json', JSON.stringify({ error: 'only GET is served here' }));
    else if (call)
      void call(url.searchParams).then(
        (body) => send(response, 200, 'application/json', JSON.stringify(body)),
        (error: unknown) => fail(response, error),
      );
    else if (url.pathname === '/' || url.pathname === '/leaderboard') send(response, 200, 'text/html; charset=utf-8', page);
    else if (url.pathname === '/favicon.ico' || url.pathname === '/img/favicon.ico') send(response, 200, 'image/svg+xml', FAVICON);
    else send(response, 404, 'application/json', JSON.stringify({ error: 'not found' }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '0.0.0.0', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 2000).unref();
      });
      emoji.close();
      voting.close();
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function fail(response: ServerResponse, error: unknown): void {
  const status = error instanceof HttpError ? error.status : 500;
  send(response, status, 'application/json', JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
}
