// The demo application emojivoto: web (HTTP), emoji and voting (gRPC, package emojivoto.v1), and a bot that votes.
// The services know nothing of a mesh. `VoteDoughnut` fails on purpose.
// Example: const emoji = await startEmoji({ grpcPort: 0, promPort: 0 }); await emoji.close();
export { CATALOGUE, type Emoji, VOTABLE, voteMethod } from './catalogue.ts';
export { type EmojiOptions, startEmoji } from './emoji/server.ts';
export { emojiService } from './proto/emoji-service.ts';
export { resultsMethod, type VotingResult, voteMethods } from './proto/voting-service.ts';
export { type RpcClient, type RunningServer, rpcClient } from './rpc.ts';
export { runVoteBot, type VoteBotOptions } from './vote-bot/bot.ts';
export { startVoting, type VotingOptions } from './voting/server.ts';
export { startWeb, type WebOptions } from './web/server.ts';
