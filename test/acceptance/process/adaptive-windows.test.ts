// Windows of HTTP/2 that grow, on both sides of a process. spec/proxy.md §1.3 (SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL).
import { expect, test } from 'vitest';
import { windowAfterUpload } from '../cases/frames.ts';
import { streams } from '../cases/http2-application.ts';
import { tcpTo } from './meshed-peer.ts';
import { alone, behind, SERVICE, scripted } from './scenes.ts';

const ADAPTIVE = { LINKERD2_PROXY_INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL: 'true', LINKERD2_PROXY_OUTBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL: 'true' };
const WINDOW = 65_535;

test.each(['inbound', 'outbound'] as const)('what fills an %s path in a round trip doubles the window', async (side) => {
  await using app = await streams((stream) => stream.resume());
  await using control = await scripted().start();
  await using proxy = side === 'inbound' ? await behind(control, app.port, ADAPTIVE) : await alone(control, app.port, ADAPTIVE);
  const socket = await tcpTo(side === 'inbound' ? proxy.inboundAddress(8080) : proxy.outboundAddress(SERVICE));
  expect(await windowAfterUpload(socket, WINDOW)).toBe(2 * WINDOW);
  socket.destroy();
});
