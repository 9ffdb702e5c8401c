// Our proxy as a process: the bundle, its outbound side, under a scripted control plane; the backend is an endpoint without a proxy.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { alone, SERVICE, scripted } from '../../test/acceptance/process/scenes.ts';
import type { Peer } from './peer.ts';

const BUNDLE = fileURLToPath(new URL('../../packages/cli/dist/bundle/weft-proxy.mjs', import.meta.url));

export const weft: Peer = {
  name: 'weft',
  protocols: ['h1', 'h2'],
  missing: () => (existsSync(process.env['PROXY_BIN'] ?? BUNDLE) ? undefined : 'the proxy is not built'),
  async start(_protocol, backendPort) {
    const control = await scripted().start();
    const proxy = await alone(control, backendPort, { LINKERD2_PROXY_LOG: 'info' });
    return {
      pid: proxy.pid,
      port: proxy.outboundPort(SERVICE),
      async close() {
        await proxy[Symbol.asyncDispose]();
        await control[Symbol.asyncDispose]();
      },
    };
  },
};
