// Original destinations from the kernel, behind real redirect rules in a network of this process alone (own-network.ts): any binary
// that keeps Linkerd's contract. Each proxy has a group of its own, by which its own connections escape its rules. design: spec/runtime.md §1.
import { spawnSync } from 'node:child_process';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { parseSocketAddress } from '@weft/core';
import type { Interception, Pod } from './interception.ts';
import type { RunningProgram } from './launch.ts';

const P = 'LINKERD2_PROXY_';
const INBOUND_PORT = 4143;
const TAP_PORT = 4190;
const FIRST_GROUP = 2102;

/** Of every proxy that runs. */
const rules = new Map<number, readonly string[]>();
let started = 0;

export function redirect(pod: Pod): Interception {
  const number = started++;
  const gid = FIRST_GROUP + number;
  // Below the ports that connections take.
  const [outbound, admin] = [10_000 + number, 20_000 + number];
  install(number, rulesOf(pod, gid, outbound));
  return {
    gid,
    env: {
      [`${P}INBOUND_LISTEN_ADDR`]: `${pod.ip}:${INBOUND_PORT}`,
      [`${P}OUTBOUND_LISTEN_ADDR`]: `127.0.0.1:${outbound}`,
      [`${P}ADMIN_LISTEN_ADDR`]: `127.0.0.1:${admin}`,
      [`${P}CONTROL_LISTEN_ADDR`]: `${pod.ip}:${TAP_PORT}`,
      [`${P}CORES`]: '1',
    },
    async addresses(program) {
      await until(program, admin, '/live', (status) => status !== undefined);
      const tap = `${pod.ip}:${TAP_PORT}`;
      return {
        admin: `127.0.0.1:${admin}`,
        tap: (await listens(tap)) ? tap : undefined,
        outbound: (address) => address,
        inbound: (port) => `${pod.ip}:${port}`,
      };
    },
    ready: (program) => until(program, admin, '/ready', (status) => status === 200),
    rewrite() {
      throw new Error('there is no address book behind redirect rules');
    },
    close: () => install(number, []),
  };
}

/** What the proxy itself sends comes first: to its application, and to what is elsewhere. */
function rulesOf({ ip, ports, connectsTo, dial }: Pod, gid: number, outbound: number): string[] {
  const applications = Object.entries(ports).map(([port, real]) => [`${ip}:${port}`, `127.0.0.1:${real}`] as const);
  const moved = Object.entries(dial).filter(([virtual, real]) => virtual !== real);
  return [
    ...[...applications, ...moved].map(([virtual, real]) => `${to(virtual)} -m owner --gid-owner ${gid} -j DNAT --to-destination ${real}`),
    ...applications.map(([virtual]) => `${to(virtual)} -m owner ! --gid-owner ${gid} -j DNAT --to-destination ${ip}:${INBOUND_PORT}`),
    ...Object.keys(connectsTo).map((virtual) => `${to(virtual)} -m owner ! --gid-owner ${gid} -j REDIRECT --to-ports ${outbound}`),
  ];
}

function to(address: string): string {
  const { ip, port } = parseSocketAddress(address) ?? { ip: '', port: 0 };
  return `-A OUTPUT -p tcp -d ${ip} --dport ${port}`;
}

/** The whole table at once. */
function install(number: number, own: readonly string[]): void {
  rules.set(number, own);
  const table = ['*nat', ':OUTPUT ACCEPT [0:0]', ...[...rules.values()].flat(), 'COMMIT', ''].join('\n');
  const { status, stderr } = spawnSync('iptables-restore', ['-w'], { input: table, encoding: 'utf8' });
  if (status !== 0) throw new Error(`iptables-restore: ${stderr.trim()}\n${table}`);
}

/** Asks until the answer satisfies or the program is gone: it has no other sign that every implementation gives. */
async function until(program: RunningProgram, port: number, path: string, satisfies: (status: number | undefined) => boolean): Promise<void> {
  while (!satisfies(await Promise.race([statusOf(port, path), program.crashed]))) await Promise.race([after(10), program.crashed]);
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', () => resolve(undefined));
  });
}

/** It is bound, or not, before the admin listener answers. */
function listens(address: string): Promise<boolean> {
  const { ip, port } = parseSocketAddress(address) ?? { ip: '', port: 0 };
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
