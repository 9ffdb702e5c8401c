// Main of the server.
import { formatSocketAddress } from '@weft/core';
import { readEnvironment, readJoinOptions } from '../environment.ts';
import { join } from '../join.ts';
import { startGreeter } from '../server.ts';
import { run } from './run.ts';

const usage = `weft-example-server: greets whoever is authorized, by name. Environment: PORT (of the Service's endpoints), POD_IP, DIRECT_PORT (4143), LISTEN_PORT
(where to listen for PORT; 0 takes a free one), and LINKERD2_PROXY_{IDENTITY,DESTINATION,POLICY}_SVC_{ADDR,NAME},
LINKERD2_PROXY_IDENTITY_{LOCAL_NAME,TOKEN_FILE,TRUST_ANCHORS}, LINKERD2_PROXY_POLICY_WORKLOAD.`;

await run(usage, async () => {
  const env = readEnvironment({ DIRECT_PORT: '4143', LISTEN_PORT: process.env['PORT'], ...process.env });
  const [port, ip, directPort, listenPort] = [env.port('PORT'), env.text('POD_IP'), env.port('DIRECT_PORT'), env.port('LISTEN_PORT')];
  const membership = join(readJoinOptions(env));
  const listen = { direct: { ip: '0.0.0.0', port: directPort }, application: { ip: '0.0.0.0', port: listenPort } };
  const server = await startGreeter(membership, { port, ip, listen });
  const { direct, application } = server.addresses;
  process.stdout.write(`listening ${direct && formatSocketAddress(direct)} ${application && formatSocketAddress(application)}\n`);
  return async () => {
    await server.close();
    membership.close();
  };
});
