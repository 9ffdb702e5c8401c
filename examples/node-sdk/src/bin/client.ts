// Main of the client.
import { greet, greetingAgent } from '../client.ts';
import { readEnvironment, readJoinOptions } from '../environment.ts';
import { join } from '../join.ts';
import { run } from './run.ts';

const usage = `weft-example-client: asks SERVER_URL once, prints status and body. Environment: SERVER_URL (http://NAME.NAMESPACE.svc.cluster.local/), and
LINKERD2_PROXY_{IDENTITY,DESTINATION,POLICY}_SVC_{ADDR,NAME}, LINKERD2_PROXY_IDENTITY_{LOCAL_NAME,TOKEN_FILE,TRUST_ANCHORS}, LINKERD2_PROXY_POLICY_WORKLOAD.`;

await run(usage, async () => {
  const env = readEnvironment(process.env);
  const url = env.text('SERVER_URL');
  const membership = join(readJoinOptions(env));
  const agent = greetingAgent(membership);
  const { status, body } = await greet(agent, url);
  process.stdout.write(`${status} ${body}`);
  await agent.close();
  membership.close();
  return undefined;
});
