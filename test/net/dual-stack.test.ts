// A whole proxy in a dual-stack pod: redirected connections of both families, out of the pod and into it. spec/proxy.md §1.1.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The pod is the namespace itself, the client another one beside it; both are gone when the process ends. */
const NAMESPACES = `
set -e
mount -t tmpfs tmpfs /run
ip netns add client
ip link set lo up
ip link add eth0 type veth peer name eth1 netns client
ip addr add 10.42.0.5/24 dev eth0
ip -6 addr add fd42::5/64 dev eth0 nodad
ip link set eth0 up
ip route add default dev eth0
ip -6 route add default dev eth0
ip netns exec client sh -c 'ip link set lo up; ip addr add 10.42.0.6/24 dev eth1; ip -6 addr add fd42::6/64 dev eth1 nodad; ip link set eth1 up'
for tables in iptables ip6tables; do
  test $tables = iptables && services=10.43.0.0/16 || services=fd43::/16
  $tables -t nat -A OUTPUT -p tcp -d $services -j REDIRECT --to-port 4140
  $tables -t nat -A PREROUTING -i eth0 -p tcp --dport 8080 -j REDIRECT --to-port 4143
done
exec "$@"
`;

test('redirected connections of both families reach what they asked for', async () => {
  const probe = [process.execPath, '--import', 'tsx', '--conditions=weft-source', 'test/net/dual-stack-probe.ts'];
  const { stdout } = await run('unshare', ['-n', '-m', 'sh', '-c', NAMESPACES, 'sh', ...probe], { cwd: root, env: { PATH: process.env['PATH'] ?? '' } });
  expect(JSON.parse(stdout)).toEqual({
    outbound: ['200 10.42.0.5 9090', '200 fd42::5 9090'],
    inbound: ['200 10.42.0.5 8080', '200 fd42::5 8080'],
    errors: [],
  });
});
