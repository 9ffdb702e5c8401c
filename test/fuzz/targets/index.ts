// Every parser there is.
import type { FuzzTarget } from '../target.ts';
import { addressTargets } from './addresses.ts';
import { apiServerTargets } from './api-server.ts';
import { expositionTargets } from './exposition.ts';
import { firstWordTargets } from './first-words.ts';
import { grpcTargets } from './grpc.ts';
import { h1ParserTargets } from './h1-parsers.ts';
import { smugglingTargets } from './h1-smuggling.ts';
import { sessionTargets } from './h2-sessions.ts';
import { hpackTargets } from './hpack.ts';
import { httpTargets } from './http.ts';
import { iptablesTargets } from './iptables.ts';
import { nameTargets } from './names.ts';
import { proxyProtocolTargets } from './proxy-protocol.ts';
import { answerTargets } from './relayed-answers.ts';
import { requestTargets } from './requests.ts';
import { nodeSessionTargets } from './sessions-with-node.ts';
import { settingTargets } from './settings.ts';
import { sidecarTargets } from './sidecar.ts';
import { tlsTargets } from './tls.ts';
import { twoSessionTargets } from './two-sessions.ts';
import { wireTargets } from './wire.ts';
import { yamlTargets } from './yaml.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...addressTargets,
  ...nameTargets,
  ...settingTargets,
  ...expositionTargets,
  ...tlsTargets,
  ...firstWordTargets,
  ...wireTargets,
  ...grpcTargets,
  ...httpTargets,
  ...hpackTargets,
  ...h1ParserTargets,
  ...smugglingTargets,
  ...sessionTargets,
  ...answerTargets,
  ...twoSessionTargets,
  ...nodeSessionTargets,
  ...yamlTargets,
  ...apiServerTargets,
  ...sidecarTargets,
  ...iptablesTargets,
  ...requestTargets,
  ...proxyProtocolTargets,
];
