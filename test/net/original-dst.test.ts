// SO_ORIGINAL_DST behind real REDIRECT rules, in a network namespace of its own: IPv4, IPv4 on a dual-stack listener, IPv6. spec/runtime.md §1.1.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const proxy = fileURLToPath(new URL('../../packages/proxy', import.meta.url));

const PROBE = `
import { connect, createServer } from 'node:net';
import { socketOriginalDst } from ${JSON.stringify(join(proxy, 'src/sidecar/original-dst.ts'))};
const errors = [];
const lookup = socketOriginalDst({ onError: (errno) => errors.push(errno) });
const found = [];
for (const [listen, host, port] of [['0.0.0.0', '10.43.0.7', 80], ['::', '10.43.0.7', 8080], ['::', 'fd43::7', 443]]) {
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  await new Promise((resolve) => server.listen(4140, listen, resolve));
  const client = connect(port, host);
  const socket = await accepted;
  found.push(lookup.of(socket));
  client.destroy();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}
process.stdout.write(JSON.stringify({ found, errors }));
`;

/** A route must match before the redirect does; nothing answers behind it. */
const NAMESPACE = `
set -e
ip link set lo up
ip link add eth0 type veth peer name eth1
ip addr add 10.42.0.5/24 dev eth0
ip -6 addr add fd42::5/64 dev eth0 nodad
ip link set eth0 up
ip link set eth1 up
ip route add default dev eth0
ip -6 route add default dev eth0
iptables -t nat -A OUTPUT -p tcp -d 10.43.0.0/16 -j REDIRECT --to-port 4140
ip6tables -t nat -A OUTPUT -p tcp -d fd43::/16 -j REDIRECT --to-port 4140
exec "$0" "$1"
`;

test('gives the destination that the client asked for', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'original-dst-'));
  try {
    const probe = join(dir, 'probe.mjs');
    await build({
      stdin: { contents: PROBE, resolveDir: proxy, loader: 'js' },
      outfile: probe,
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['weft-source'],
      external: ['koffi'],
      logLevel: 'silent',
    });
    const env = { PATH: process.env['PATH'] ?? '', NODE_PATH: join(proxy, 'node_modules') };
    const { stdout } = await run('unshare', ['-n', 'sh', '-c', NAMESPACE, process.execPath, probe], { env });
    expect(JSON.parse(stdout)).toEqual({
      found: [
        { ip: '10.43.0.7', port: 80 },
        { ip: '10.43.0.7', port: 8080 },
        { ip: 'fd43::7', port: 443 },
      ],
      errors: [],
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
