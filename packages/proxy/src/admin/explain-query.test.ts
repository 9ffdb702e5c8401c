import { expect, test } from 'vitest';
import { readExplainQuery } from './explain-query.ts';

const read = (query: string) => readExplainQuery(new URLSearchParams(query));
const errorsOf = (query: string): readonly string[] => {
  const found = read(query);
  return found.direction === 'none' ? found.errors : ['none'];
};

test('reads a question about a request that goes out', () => {
  expect(read('direction=outbound&target=10.43.0.7:80&method=PUT&path=/x?y=1&authority=web&header=X-A:%201&header=b:2&protocol=http/2')).toEqual({
    direction: 'outbound',
    target: { kind: 'address', address: { ip: '10.43.0.7', port: 80 } },
    question: { protocol: 'http/2', sni: undefined, request: { method: 'PUT', path: '/x?y=1', authority: 'web', headers: ['x-a', '1', 'b', '2'] } },
  });
});

test('fills in what is not given: GET / for the target, as HTTP/1, or TLS where there is a server name', () => {
  expect(read('direction=outbound&target=web.ns:80')).toMatchObject({
    target: { kind: 'name', host: 'web.ns', port: 80 },
    question: { protocol: 'http/1', request: { method: 'GET', path: '/', authority: 'web.ns:80', headers: [] } },
  });
  expect(read('direction=outbound&target=10.0.0.1:443&sni=a.example')).toMatchObject({ question: { protocol: 'tls', sni: 'a.example' } });
});

test('reads a question about a client that comes in', () => {
  const id = 'web.ns.serviceaccount.identity.linkerd.cluster.local';
  expect(read(`direction=inbound&target=8080&client=10.0.0.1&identity=${id}`)).toMatchObject({
    port: 8080,
    client: { ip: '10.0.0.1', tls: { kind: 'mesh', identity: { kind: 'dns', name: id } } },
    request: { method: 'GET' },
  });
  expect(read('direction=inbound&target=10.0.0.9:80&client=10.0.0.1&tls=true')).toMatchObject({
    port: 80,
    client: { tls: { kind: 'mesh', identity: undefined } },
  });
  expect(read('direction=inbound&target=80&client=10.0.0.1&protocol=opaque')).toMatchObject({ client: { tls: { kind: 'none' } }, request: undefined });
});

test('names every parameter that is wrong, at once', () => {
  expect(errorsOf('')).toEqual(['direction: what is not given is neither outbound nor inbound', 'target: what is not given is no ip:port, name:port or port']);
  expect(errorsOf('direction=sideways&target=web&client=x&path=nope&protocol=spdy')).toEqual([
    'direction: "sideways" is neither outbound nor inbound',
    'path: "nope" is no path; it begins with / and has what is not ASCII in percent',
    'protocol: "spdy" is none of http/1, http/2, tls, opaque',
    'client: "x" is no IP address',
    'target: "web" is no ip:port, name:port or port',
  ]);
  expect(errorsOf('direction=outbound&method=G T&path=x&header=novalue&client=1&protocol=h3&what=1&path=/')).toEqual([
    'path: is given more than once',
    'what: is no parameter; there are direction, target, method, path, authority, header, protocol, sni, client, identity, tls',
    'method: "G T" is no method',
    'path: "x" is no path; it begins with / and has what is not ASCII in percent',
    'header: "novalue" is not name:value',
    'protocol: "h3" is none of http/1, http/2, tls, opaque',
    'client: has a meaning inbound only',
    'target: what is not given is no ip:port or name:port',
  ]);
  expect(errorsOf('direction=inbound&target=70000&client=nobody&identity=x y&tls=maybe&sni=a')).toEqual([
    'client: "nobody" is no IP address',
    'identity: "x y" is no identity',
    'tls: "maybe" is neither true nor false',
    'sni: has a meaning outbound only',
    'target: "70000" is no port or ip:port',
  ]);
});

test('takes no authority, header or server name that no request can have', () => {
  const outbound = (query: string) => errorsOf(`direction=outbound&target=web:80&${query}`);
  expect(outbound('authority=a%20b')).toEqual(['authority: "a b" is no host or host:port']);
  expect(outbound('authority=')).toEqual(['authority: "" is no host or host:port']);
  expect(outbound('authority=web:99999')).toEqual(['authority: "web:99999" is no host or host:port']);
  for (const value of ['b%0d%0ac', '%0d%0a', '%00'])
    expect(outbound(`header=a:${value}`)).toEqual([`header: ${JSON.stringify(decodeURIComponent(`a:${value}`))} has a value that no header can have`]);
  expect(outbound('sni=')).toEqual(['sni: "" is no server name']);
  expect(outbound('authority=[::1]:80&header=a:%20b%09c%20')).toEqual(['none']);
});
