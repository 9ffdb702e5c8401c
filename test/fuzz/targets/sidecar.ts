// What a proxy process reads: environment, address book, resolv.conf. Problems are answered, nothing throws.
import { formatSocketAddress, isIp } from '@weft/core';
import { type AddressBook, formatProblem, type ParsedAddressBook, parseAddressBook, readConfig } from '@weft/proxy/sidecar';
import { hostsFileAddresses } from '../../../packages/destination/src/dns/hosts-file.ts';
import { hostAddresses, srvAddresses, srvTargets } from '../../../packages/destination/src/dns/records.ts';
import { readReply } from '../../../packages/destination/src/dns/reply.ts';
import { candidateNames, parseResolvConf } from '../../../packages/destination/src/dns/resolv-conf.ts';
import { DNS_ANSWERS, ID, NAME } from '../../../packages/destination/test/dns-answers.ts';
import { checkConfig } from '../../../packages/proxy/src/sidecar/config/check-config.ts';
import { MINIMAL_ENVIRONMENT } from '../../../packages/proxy/src/sidecar/config/minimal-environment.ts';
import { VARIABLES } from '../../../packages/proxy/src/sidecar/config/variables.ts';
import { jsonMutator } from '../mutate-json.ts';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, kindOf, texts } from '../target.ts';

const BOOK: AddressBook = {
  listen: { 4191: '127.0.0.1:21003' },
  inbound: [{ listen: '127.0.0.1:21004', originalDst: '10.42.0.5:8080' }],
  outbound: [{ listen: '127.0.0.1:21005', originalDst: '10.43.0.7:80', authority: 'web-svc.emojivoto.svc.cluster.local:80' }],
  dial: { '10.42.0.9:8080': '127.0.0.1:21044', '[fd00::1]:80': '[::1]:1' },
  hosts: { 'Linkerd-dst.linkerd.svc.cluster.local.': ['10.42.0.3', 'fd00::3'] },
};

function printed(book: ParsedAddressBook): AddressBook {
  const listeners = (list: ParsedAddressBook['inbound']): NonNullable<AddressBook['inbound']> =>
    list.map(({ listen, originalDst, authority }) => ({
      listen: formatSocketAddress(listen),
      originalDst: originalDst ? formatSocketAddress(originalDst) : '',
      ...(authority === undefined ? {} : { authority }),
    }));
  return {
    listen: Object.fromEntries([...book.listen].map(([port, to]) => [port, formatSocketAddress(to)])),
    inbound: listeners(book.inbound),
    outbound: listeners(book.outbound),
    dial: Object.fromEntries([...book.dial].map(([from, to]) => [from, formatSocketAddress(to)])),
    hosts: Object.fromEntries(book.hosts),
  };
}

const addressBook: FuzzTarget = {
  name: 'address-book',
  tokens: ['{', '}', '"', ':', ',', '127.0.0.1:0', '"listen"', '"dial"', '"hosts"'],
  mutator: jsonMutator([
    'listen',
    'inbound',
    'outbound',
    'originalDst',
    'authority',
    'dial',
    'hosts',
    '127.0.0.1:80',
    '[::1]:0',
    '::1',
    '4191',
    '99999',
    '__proto__',
    'a.',
  ]),
  seeds: () => texts(JSON.stringify(BOOK), '{}'),
  run(input) {
    const result = parseAddressBook(input.toString('utf8'));
    if (!result.ok) return kindOf(new Error(result.problem));
    const again = parseAddressBook(JSON.stringify(printed(result.book)));
    hold(again.ok && sameData(printed(again.book), printed(result.book)), 'it reads back differently');
    return `${result.book.inbound.length > 0} ${result.book.dial.size > 0} ${result.book.hosts.size > 0}`;
  },
};

const NAMES = Object.keys(MINIMAL_ENVIRONMENT);
const shownRows = checkConfig({ env: MINIMAL_ENVIRONMENT, processors: 2, json: false })
  .text.split('\n')
  .filter((line) => line.startsWith('LINKERD2')).length;

/** Lines `NAME=value` over the least environment that is accepted. */
const environment: FuzzTarget = {
  name: 'proxy-environment',
  tokens: ['\n', '=', ...NAMES, ...Object.keys(VARIABLES), '10s', '0', 'true', ',', '10.0.0.0/8', ':', '.', '-1', '\u{fffd}'],
  seeds: () =>
    texts(
      'LINKERD2_PROXY_INBOUND_PORTS=80,443\nLINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT=1s\nLINKERD2_PROXY_LOG=warn,linkerd=info',
      'LINKERD2_PROXY_INBOUND_IPS=10.0.0.1,fd00::1\nLINKERD2_PROXY_DESTINATION_PROFILE_NETWORKS=10.0.0.0/8\nLINKERD2_PROXY_TAP_SVC_NAME=tap.ns',
      'LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS=127.0.0.1:4140,[::1]:4140\nLINKERD2_PROXY_INBOUND_DEFAULT_POLICY=all-authenticated\nLINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD=2d',
      'LINKERD2_PROXY_DESTINATION_SVC_ADDR=\nLINKERD2_PROXY_IDENTITY_DIR=',
    ),
  run(input) {
    const lines = input.toString('utf8').split('\n');
    const own = Object.fromEntries(
      lines.flatMap((line) => (line.includes('=') ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])),
    );
    const result = readConfig({ env: { ...MINIMAL_ENVIRONMENT, ...own }, processors: 2 });
    const problems = [...result.warnings, ...(result.ok ? [] : result.problems)];
    hold(result.ok || result.problems.length > 0, 'refused without a problem');
    for (const problem of problems) hold(!formatProblem(problem).includes('\n'), 'a problem has more than one line');
    const checked = checkConfig({ env: { ...MINIMAL_ENVIRONMENT, ...own }, processors: 2, json: false });
    hold(checked.valid === result.ok, 'the check says otherwise');
    hold(!result.ok || checked.text.split('\n').length >= shownRows, 'a setting is not shown');
    return problems.map((problem) => `${problem.variable} ${kindOf(new Error(problem.problem))}`).join('; ');
  },
};

const resolvConf: FuzzTarget = {
  name: 'resolv-conf',
  tokens: ['nameserver ', 'search ', 'domain ', 'options ', 'ndots:', 'timeout:', 'attempts:', '\n', '#', ';', '%eth0', '\t'],
  seeds: () =>
    texts('nameserver 10.43.0.10\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5 timeout:2 attempts:3\n', 'nameserver fe80::1%eth0 # x\n'),
  run(input) {
    const conf = parseResolvConf(input.toString('utf8'));
    hold(conf.servers.length > 0 && conf.servers.length <= 3, `there are ${conf.servers.length} servers`);
    hold(conf.ndots <= 15 && conf.timeoutMs >= 1000 && conf.timeoutMs <= 30_000 && conf.attempts >= 1 && conf.attempts <= 5, 'an option is out of bounds');
    hold(candidateNames('web.ns', conf).includes('web.ns'), 'the name itself is not tried');
    return `${conf.servers.length} ${Math.min(conf.search.length, 3)} ${conf.ndots > 1}`;
  },
};

const hostsFile: FuzzTarget = {
  name: 'hosts-file',
  tokens: ['127.0.0.1 ', '::1\t', 'web', '.', '#', '\n', '%eth0', '::ffff:10.0.0.1 ', '\u{fffd}'],
  seeds: () => texts('127.0.0.1 localhost\n::1 localhost\n10.0.0.5 Web.example web # x\n', 'fe80::1%eth0 web\n'),
  run(input) {
    const text = input.toString('utf8');
    const found = hostsFileAddresses(text, 'web');
    hold(found.every(isIp) && new Set(found).size === found.length, 'something is no address, or there twice');
    hold(sameData(hostsFileAddresses(text, 'WEB.'), found), 'the name is compared by its case');
    return `${Math.min(found.length, 3)}`;
  },
};

/** Whatever a DNS server sends is an answer with addresses, an answer without, or nothing. */
const dnsAnswer: FuzzTarget = {
  name: 'dns-answer',
  tokens: [Buffer.from([0xc0, 0x0c]), Buffer.from([0, 5]), Buffer.from([0, 33]), Buffer.from([0, 28]), Buffer.from([0xff, 0xff])],
  seeds: () => [...DNS_ANSWERS],
  run(input) {
    const kinds: string[] = [];
    for (const type of ['A', 'SRV'] as const) {
      const reply = readReply(input, { id: ID, name: NAME, type });
      if (!reply) continue;
      const found = type === 'SRV' ? srvAddresses(reply.answers, NAME) : hostAddresses(reply.answers, NAME, 1);
      if (found && 'addresses' in found) hold(found.addresses.length > 0 && found.addresses.every(({ ip }) => isIp(ip)), 'something is no address');
      const targets = srvTargets(reply.answers, NAME)?.groups.flat() ?? [];
      hold(
        targets.every(({ host, port }) => host !== '' && port > 0),
        'a target is none',
      );
      kinds.push(`${type} ${reply.truncated} ${reply.failure !== undefined} ${found && ('addresses' in found ? found.addresses.length : 'alias')}`);
    }
    return kinds.join();
  },
};

export const sidecarTargets = [addressBook, environment, resolvConf, hostsFile, dnsAnswer];
