import { expect, test } from 'vitest';
import { hostsFileAddresses } from './hosts-file.ts';

const FILE = `
127.0.0.1\tlocalhost
::1 localhost ip6-localhost
10.0.0.5  Web.example web   # the server
10.0.0.6 web
fe80::1%eth0 link
10.0.0.5 web
not-an-address web
#10.0.0.9 web
`;

test.each([
  ['web', ['10.0.0.5', '10.0.0.6']],
  ['WEB.example.', ['10.0.0.5']],
  ['localhost', ['127.0.0.1', '::1']],
  ['link', ['fe80::1']],
  ['we', []],
  ['', []],
])('%s has the addresses %j', (name, addresses) => {
  expect(hostsFileAddresses(FILE, name)).toEqual(addresses);
});
