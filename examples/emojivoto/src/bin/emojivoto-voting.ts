// Main of the voting service.
import { readEnvironment, runProcess } from '../environment.ts';
import { startVoting } from '../voting/server.ts';

const usage =
  'emojivoto-voting: serves emojivoto.v1.VotingService. Environment: GRPC_PORT, PROM_PORT, HOST (default 0.0.0.0), FAILURE_RATE (0-1, default 1), ARTIFICIAL_DELAY (ms).';
await runProcess(usage, async () => {
  const env = readEnvironment(process.env);
  const options = {
    grpcPort: env.port('GRPC_PORT'),
    promPort: env.port('PROM_PORT'),
    host: env.text('HOST') ?? '0.0.0.0',
    failureRate: env.number('FAILURE_RATE', 1),
    delayMs: env.number('ARTIFICIAL_DELAY', 0),
  };
  env.check();
  const server = await startVoting(options);
  return () => server.close();
});
