// Main of the emoji service.
import { startEmoji } from '../emoji/server.ts';
import { readEnvironment, runProcess } from '../environment.ts';

await runProcess('emojivoto-emoji: serves emojivoto.v1.EmojiService. Environment: GRPC_PORT, PROM_PORT, HOST (default 0.0.0.0).', async () => {
  const env = readEnvironment(process.env);
  const options = { grpcPort: env.port('GRPC_PORT'), promPort: env.port('PROM_PORT'), host: env.text('HOST') ?? '0.0.0.0' };
  env.check();
  const server = await startEmoji(options);
  return () => server.close();
});
