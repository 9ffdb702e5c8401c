// Main: follows a target, or balances requests over it.
import { balancedClient } from '../balance.ts';
import { discover } from '../discover.ts';
import { follow } from '../follow.ts';
import { OptionsError, type ProgramOptions, readOptions } from '../options.ts';

const usage = `discovery-client: shows the endpoints and the profile of TARGET as they change, or balances requests over them.

  discovery-client --destination=127.0.0.1:8086 web.default.svc.cluster.local:80
  discovery-client --dns [--dns-server=IP:PORT]... web.example:80
  discovery-client --dns --requests=10 _http._tcp.web.example

  --destination=HOST:PORT  asks the destination service there, in plaintext
  --dns                    asks DNS, as /etc/resolv.conf says
  --dns-server=IP:PORT     asks DNS, at this server
  --requests=N             sends N requests, one after the other, and prints who answered
`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function run({ source, target, requests }: ProgramOptions): Promise<void> {
  const { discovery, close } = discover(source);
  if (requests === undefined) {
    const stop = follow(discovery, target, print);
    // Timers of discovery hold no process; what waits for a signal does.
    const waiting = setInterval(() => undefined, 2 ** 30);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        clearInterval(waiting);
        stop();
        close();
      });
    }
    return;
  }
  const client = balancedClient(discovery, target);
  try {
    for (let n = 0; n < requests; n++) {
      const { endpoint, status } = await client.get('/');
      print(`${endpoint.ip}:${endpoint.port} ${status}`);
    }
  } finally {
    client.close();
    close();
  }
}

if (process.argv.includes('--help')) process.stdout.write(usage);
else {
  try {
    await run(readOptions(process.argv.slice(2)));
  } catch (error) {
    if (error instanceof OptionsError) for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof OptionsError ? 64 : 1;
  }
}
