// Main of the vote bot.
import { readEnvironment, runProcess } from '../environment.ts';
import { runVoteBot } from '../vote-bot/bot.ts';

const usage = 'emojivoto-vote-bot: votes. Environment: WEB_HOST (host:port), HOST_OVERRIDE, REQUEST_RATE (rounds per second, default 1), TTL (seconds).';
await runProcess(usage, async (signal) => {
  const env = readEnvironment(process.env);
  const ttl = env.number('TTL', 0);
  const hostOverride = env.text('HOST_OVERRIDE');
  const options = { webHost: env.address('WEB_HOST'), requestRate: env.number('REQUEST_RATE', 1) || 1 };
  env.check();
  const stop = new AbortController();
  const running = runVoteBot({
    ...options,
    ...(ttl > 0 ? { ttlMs: ttl * 1000 } : {}),
    ...(hostOverride === undefined ? {} : { hostOverride }),
    signal: AbortSignal.any([signal, stop.signal]),
    onFailure: (request, cause) => process.stderr.write(`${request}: ${cause}\n`),
  });
  if (ttl > 0) {
    await running;
    return undefined;
  }
  return () => {
    stop.abort();
    return running;
  };
});
