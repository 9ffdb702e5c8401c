import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Recorder } from '../../test/h1/recorder.ts';
import { FieldTable } from '../field/table.ts';
import { H1_LIMITS, type H1Limits } from './limits.ts';
import { LineCache } from './line-cache.ts';
import { RequestParser } from './request-parser.ts';
import { ResponseParser } from './response-parser.ts';

function requestParser(limits: Partial<H1Limits> = {}): { recorder: Recorder; parser: RequestParser } {
  const recorder = new Recorder();
  return { recorder, parser: new RequestParser(recorder, new FieldTable(), new LineCache(64), { ...H1_LIMITS, ...limits }) };
}

function responseParser(method = 'GET', upgrade = false): { recorder: Recorder; parser: ResponseParser } {
  const recorder = new Recorder();
  const parser = new ResponseParser(recorder, new FieldTable(), new LineCache(64), H1_LIMITS);
  parser.expect(method, upgrade);
  return { recorder, parser };
}

function request(input: string, limits: Partial<H1Limits> = {}): string[] {
  const { recorder, parser } = requestParser(limits);
  parser.receive(Buffer.from(input, 'latin1'));
  return recorder.events;
}

function response(input: string, method = 'GET', upgrade = false): string[] {
  const { recorder, parser } = responseParser(method, upgrade);
  parser.receive(Buffer.from(input, 'latin1'));
  if (!parser.end()) recorder.events.push('truncated');
  return recorder.events;
}

const head = (fields: string): string => `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n`;
const CHUNKED = head('transfer-encoding: chunked');

describe('a request that could be read in two ways is refused', () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'both content-length and transfer-encoding': [head('content-length: 3\r\ntransfer-encoding: chunked'), 'LENGTH_AND_CODING'],
    'transfer-encoding and content-length, that way round': [head('transfer-encoding: chunked\r\ncontent-length: 3'), 'LENGTH_AND_CODING'],
    'two lengths': [head('content-length: 3\r\ncontent-length: 4'), 'CONTENT_LENGTH'],
    'two equal lengths': [head('content-length: 3\r\ncontent-length: 3'), 'CONTENT_LENGTH'],
    'a list of lengths': [head('content-length: 3, 3'), 'CONTENT_LENGTH'],
    'a signed length': [head('content-length: +3'), 'CONTENT_LENGTH'],
    'a negative length': [head('content-length: -3'), 'CONTENT_LENGTH'],
    'a hexadecimal length': [head('content-length: 0x3'), 'CONTENT_LENGTH'],
    'an empty length': [head('content-length:'), 'CONTENT_LENGTH'],
    'a length beyond counting': [head('content-length: 99999999999999999999'), 'CONTENT_LENGTH'],
    'an unknown coding': [head('transfer-encoding: gzip'), 'TRANSFER_ENCODING'],
    'a coding before chunked': [head('transfer-encoding: gzip, chunked'), 'TRANSFER_ENCODING'],
    'a coding after chunked': [head('transfer-encoding: chunked, identity'), 'TRANSFER_ENCODING'],
    'chunked twice': [head('transfer-encoding: chunked\r\ntransfer-encoding: chunked'), 'TRANSFER_ENCODING'],
    'a coding with a vertical tab': [head('transfer-encoding: \x0bchunked'), 'FIELD_VALUE'],
    'a coding in HTTP/1.0': ['POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n', 'TRANSFER_ENCODING'],
    'space before the colon': [head('x : y'), 'SPACE_BEFORE_COLON'],
    'a tab before the colon': [head('x\t: y'), 'SPACE_BEFORE_COLON'],
    'a folded field': [head('x: y\r\n z'), 'FOLDED_FIELD'],
    'a fold in front of the first field': ['GET / HTTP/1.1\r\n host: a\r\n\r\n', 'FOLDED_FIELD'],
    'a field without a name': [head(': y'), 'FIELD_NAME'],
    'a field without a colon': [head('xy'), 'FIELD_NAME'],
    'a name with a bracket': [head('x[: y'), 'FIELD_NAME'],
    'a name beyond ASCII': [head('x\xe9: y'), 'FIELD_NAME'],
    'NUL in a value': [head('x: a\0b'), 'FIELD_VALUE'],
    'DEL in a value': [head('x: a\x7fb'), 'FIELD_VALUE'],
    'a bare LF after the request line': ['GET / HTTP/1.1\nhost: a\r\n\r\n', 'BARE_LF'],
    'a bare LF in the fields': [head('x: y\nz: w'), 'BARE_LF'],
    'a bare LF at the end of the head': ['GET / HTTP/1.1\r\nhost: a\r\n\n', 'BARE_LF'],
    'a bare CR in a value': [head('x: y\rz: w'), 'BARE_CR'],
    'a bare CR in the request line': ['GET /\r HTTP/1.1\r\n\r\n', 'BARE_CR'],
    'two hosts': [head('host: b'), 'HOST'],
    'two equal hosts': [head('host: a'), 'HOST'],
    'a host with a path': ['GET / HTTP/1.1\r\nhost: a/b\r\n\r\n', 'HOST'],
    'a host with a user': ['GET / HTTP/1.1\r\nhost: a@b\r\n\r\n', 'HOST'],
    'two spaces in the request line': ['GET  / HTTP/1.1\r\n\r\n', 'TARGET'],
    'a tab in the request line': ['GET\t/ HTTP/1.1\r\n\r\n', 'METHOD'],
    'a space behind the version': ['GET / HTTP/1.1 \r\n\r\n', 'VERSION'],
    'another version': ['GET / HTTP/1.2\r\n\r\n', 'VERSION'],
    'no version': ['GET /\r\n\r\n', 'VERSION'],
    'HTTP/2 in an HTTP/1 parser': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'VERSION'],
    'a fragment': ['GET /a#b HTTP/1.1\r\n\r\n', 'TARGET'],
    'an absolute target with a user': ['GET http://u@a/ HTTP/1.1\r\n\r\n', 'TARGET'],
    'a relative target': ['GET a HTTP/1.1\r\n\r\n', 'TARGET'],
    'empty lines without end': ['\r\n'.repeat(5), 'EMPTY_LINES'],
    'CONNECT with a body': ['CONNECT a:1 HTTP/1.1\r\ncontent-length: 1\r\n\r\n', 'UPGRADE'],
    'a chunk size that is none': [`${CHUNKED}zz\r\n`, 'CHUNK_SIZE'],
    'a signed chunk size': [`${CHUNKED}+3\r\nabc\r\n`, 'CHUNK_SIZE'],
    'a chunk size with 0x': [`${CHUNKED}0x3\r\nabc\r\n`, 'CHUNK_SIZE'],
    'an empty chunk size': [`${CHUNKED}\r\nabc\r\n`, 'CHUNK_SIZE'],
    'a chunk size in spaces': [`${CHUNKED}3 \r\nabc\r\n`, 'CHUNK_SIZE'],
    'a chunk size beyond counting': [`${CHUNKED}fffffffffffffffff\r\n`, 'CHUNK_SIZE'],
    'a chunk size with a bare LF': [`${CHUNKED}3\nabc\r\n`, 'BARE_LF'],
    'a chunk extension with a bare CR': [`${CHUNKED}3;a\rb\r\nabc\r\n`, 'BARE_CR'],
    'a chunk extension with NUL': [`${CHUNKED}3;a\0\r\nabc\r\n`, 'CHUNK_EXTENSION'],
    'a chunk longer than its size': [`${CHUNKED}3\r\nabcd\r\n`, 'CHUNK_END'],
    'a chunk that ends in a bare LF': [`${CHUNKED}3\r\nabc\n0\r\n\r\n`, 'CHUNK_END'],
    'a length in trailers': [`${CHUNKED}0\r\ncontent-length: 3\r\n\r\n`, 'TRAILER'],
    'a host in trailers': [`${CHUNKED}0\r\nhost: b\r\n\r\n`, 'TRAILER'],
    'a folded trailer': [`${CHUNKED}0\r\na: b\r\n c\r\n\r\n`, 'FOLDED_FIELD'],
  };
  test.each(Object.entries(cases))('%s', (_what, [input, code]) => {
    expect(request(input).at(-1)).toBe(`error ${code}`);
    const { recorder, parser } = requestParser();
    for (const byte of Buffer.from(`${input}\r\n\r\n`, 'latin1')) parser.receive(Buffer.of(byte));
    expect(recorder.events.at(-1)).toBe(`error ${code}`);
  });
});

describe('what a message may cost is bounded', () => {
  test('a head, naming the limit and the largest field', () => {
    const { recorder, parser } = requestParser({ maxHeadBytes: 100 });
    let message = '';
    recorder.onError = (error) => {
      message = `${error.code}: ${error.message}`;
    };
    parser.receive(Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nX-Large: ${'y'.repeat(200)}\r\n\r\n`));
    expect(message).toBe('HEAD_TOO_LARGE: head exceeds 100 bytes; largest field: x-large (211 bytes)');
  });

  test('a head that comes byte by byte and never ends its line', () => {
    const { recorder, parser } = requestParser({ maxHeadBytes: 100 });
    for (const byte of `GET /${'a'.repeat(96)}`) parser.receive(Buffer.from(byte));
    expect(recorder.events).toEqual(['error HEAD_TOO_LARGE']);
  });

  test('a first line that can be none, before its end', () => {
    expect(request('\0\x01\x02 this is not HTTP')).toEqual(['error METHOD']);
    expect(request('a'.repeat(65))).toEqual(['error METHOD']);
    expect(response('SSH-2.0-x')[0]).toBe('error STATUS');
  });

  test('fields, chunk lines, chunk extensions and trailers', () => {
    expect(request(head('a: b\r\nc: d'), { maxFields: 2 })).toEqual(['error TOO_MANY_FIELDS']);
    expect(request(`${CHUNKED}${'0'.repeat(3)};${'a'.repeat(2000)}`).at(-1)).toBe('error CHUNK_EXTENSION');
    expect(request(`${CHUNKED}${`1;${'a'.repeat(500)}\r\nx\r\n`.repeat(40)}`).at(-1)).toBe('error CHUNK_EXTENSION');
    expect(request(`${CHUNKED}0\r\na: ${'b'.repeat(200)}`, { maxHeadBytes: 150 }).at(-1)).toBe('error HEAD_TOO_LARGE');
  });
});

describe('requests', () => {
  test('keep their four forms apart', () => {
    const targets = ['GET /a?b', 'GET http://A.test:1/c', 'GET HTTP://a?x', 'OPTIONS *', 'CONNECT a:1'];
    expect(targets.map((target) => request(`${target} HTTP/1.1\r\nhost: h\r\n\r\n`)[0])).toEqual([
      'GET origin  h /a?b 1.1 0 false true host=h',
      'GET absolute http A.test:1 /c 1.1 0 false true host=h',
      'GET absolute http a /?x 1.1 0 false true host=h',
      'OPTIONS asterisk  h * 1.1 0 false true host=h',
      'CONNECT authority  a:1  1.1 0 true true host=h',
    ]);
  });

  test('persist as their version and connection say', () => {
    const persists = (version: string, connection: string): boolean =>
      request(`GET / HTTP/${version}\r\nconnection: ${connection}\r\n\r\n`)[0]?.includes(' false true ') ?? false;
    expect(['1.1', '1.0'].flatMap((version) => ['a, Close', 'Keep-Alive', 'x'].map((connection) => persists(version, connection)))).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  test('stop at an upgrade, whose bytes stay', () => {
    const { recorder, parser } = requestParser();
    const bytes = Buffer.from('GET / HTTP/1.1\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\nrest');
    expect(parser.receive(bytes)).toBe(bytes.length - 4);
    expect(recorder.events).toEqual(['GET origin   / 1.1 0 true true connection=Upgrade&upgrade=x']);
    parser.restart();
    parser.receive(Buffer.from('GET /2 HTTP/1.1\r\n\r\n'));
    expect(recorder.events.at(-1)).toBe('end ');
  });

  test('pass their bodies without copying', () => {
    const { recorder, parser } = requestParser();
    const seen: Buffer[] = [];
    recorder.onBody = (chunk) => void seen.push(chunk);
    const bytes = Buffer.from('POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello');
    parser.receive(bytes);
    expect(seen.map(String)).toEqual(['hello']);
    expect(seen[0]?.buffer).toBe(bytes.buffer);
  });

  test('read chunks with extensions and trailers', () => {
    expect(request(`${CHUNKED}3;a=b;c="d"\r\nabc\r\nA\r\n0123456789\r\n000\r\nx-end: 1\r\n\r\n`).slice(1)).toEqual(['body abc0123456789', 'end x-end=1']);
  });
});

describe('responses', () => {
  test('end with their head where they have no body', () => {
    for (const [input, method] of [
      ['HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n', 'GET'],
      ['HTTP/1.1 304 X\r\ntransfer-encoding: chunked\r\n\r\n', 'GET'],
      ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'HEAD'],
    ] as const) {
      expect(response(input, method)).toHaveLength(2);
      expect(response(input, method)[1]).toBe('end ');
    }
  });

  test('last until the connection closes where nothing says otherwise', () => {
    expect(response('HTTP/1.0 200 OK\r\n\r\nall of it')).toEqual(['1.0 200 OK 3 false false ', 'body all of it', 'end ']);
  });

  test('are cut short when the connection ends before their end', () => {
    expect(response('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc').at(-1)).toBe('truncated');
    expect(response(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`).at(-1)).toBe('truncated');
    expect(response('HTTP/1.1 200 OK\r\n').at(-1)).toBe('truncated');
  });

  test('come after interim ones', () => {
    expect(response('HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\ncontent-length: 0\r\n\r\n')).toEqual([
      'interim 103 link=a',
      'interim 100 ',
      '1.1 200  1 true true content-length=0',
      'end ',
    ]);
  });

  test('switch protocols only where that was asked for', () => {
    expect(response('HTTP/1.1 101 X\r\nupgrade: x\r\n\r\n', 'GET', true)).toEqual(['upgrade 101']);
    expect(response('HTTP/1.1 101 X\r\nupgrade: x\r\n\r\n')).toEqual(['error UPGRADE']);
    expect(response('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'CONNECT', true)).toEqual(['upgrade 200']);
  });

  test('with two lengths or a strange status line are refused', () => {
    expect(response('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n')[0]).toBe('error CONTENT_LENGTH');
    for (const line of ['HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1  200 OK', 'HTTP/2 200 OK', 'nonsense', 'HTTP/1.1 099 X']) {
      expect(response(`${line}\r\n\r\n`)[0]).toBe('error STATUS');
    }
  });
});

const STREAM =
  'GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nX: \xe9  \r\n\r\n' +
  'POST http://b/c HTTP/1.1\r\nhost: b\r\ncontent-length: 11\r\n\r\nhello world' +
  '\r\nPUT / HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n' +
  'POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nx-end: 1\r\ny:\r\n\r\n' +
  'GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n';
const PIECES = [
  'GET / HTTP/1.1\r\n',
  'host: a\r\n',
  'content-length: 3\r\n',
  'transfer-encoding: chunked\r\n',
  '\r\n',
  'abc',
  '3\r\nabc\r\n',
  '0\r\n\r\n',
  '\r',
  '\n',
  ' ',
  'x: y\r\n',
  '\0',
  STREAM,
];

function split(input: string, cuts: readonly number[]): string[] {
  const bytes = Buffer.from(input, 'latin1');
  const { recorder, parser } = requestParser({ maxHeadBytes: 4096 });
  let from = 0;
  for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    parser.receive(bytes.subarray(from, cut));
    from = cut;
  }
  return recorder.events;
}

describe('however the bytes are cut', () => {
  test('every single cut of a stream of requests gives the same events', () => {
    const whole = request(STREAM);
    expect(whole.filter((event) => event.startsWith('end'))).toHaveLength(5);
    for (let cut = 0; cut <= STREAM.length; cut += 1) expect(split(STREAM, [cut])).toEqual(whole);
  });

  test('any number of cuts gives the same events, for valid and invalid input', () => {
    const inputs = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => `${pieces.join('')}\r\n\r\n`);
    fc.assert(
      fc.property(inputs, fc.array(fc.nat(), { maxLength: 8 }), (input, cuts) => {
        expect(split(input, cuts)).toEqual(split(input, []));
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});
