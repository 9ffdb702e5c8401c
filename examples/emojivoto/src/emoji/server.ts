// The emoji service: which emoji there are.
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { CATALOGUE, type Emoji } from '../catalogue.ts';
import { labelledCounter, startPrometheus } from '../prometheus.ts';
import { emojiService } from '../proto/emoji-service.ts';
import { type RunningServer, startRpcServer } from '../rpc.ts';

export interface EmojiOptions {
  readonly grpcPort: number;
  readonly promPort: number;
  /** Address to listen on. Default 0.0.0.0: every interface. */
  readonly host?: string;
}

export async function startEmoji(options: EmojiOptions): Promise<RunningServer & { readonly promPort: number }> {
  const { host = '0.0.0.0' } = options;
  const byShortcode = new Map(CATALOGUE.map((emoji) => [emoji.shortcode, emoji]));
  const requests = labelledCounter('emojivoto_emoji_requests_total', 'Requests by method', 'method');
  const grpc = await startRpcServer(options.grpcPort, host, [emojiService.ListAll, emojiService.FindByShortcode], {
    ListAll: (_call: ServerUnaryCall<object, object>, done: sendUnaryData<{ list: readonly Emoji[] }>) => {
      requests.inc('ListAll');
      done(null, { list: CATALOGUE });
    },
    FindByShortcode: (call: ServerUnaryCall<{ Shortcode?: string }, object>, done: sendUnaryData<{ Emoji?: Emoji }>) => {
      requests.inc('FindByShortcode');
      const emoji = byShortcode.get(call.request.Shortcode ?? '');
      done(null, emoji ? { Emoji: emoji } : {});
    },
  });
  const prom = await startPrometheus(options.promPort, host, [requests]);
  return { port: grpc.port, promPort: prom.port, close: async () => void (await Promise.all([grpc.close(), prom.close()])) };
}
