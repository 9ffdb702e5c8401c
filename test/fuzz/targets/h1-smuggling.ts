// Request smuggling: whatever we take as a sequence of requests, Node's parser takes as the same sequence, both in the bytes that come to us
// and in those that we send on. RFC 9112 §11.2.
import { Duplex } from 'node:stream';
import { type Exchange, weftEngine } from '@weft/http';
import type { Field } from '../../../packages/http/src/field/field.ts';
import { FieldTable } from '../../../packages/http/src/field/table.ts';
import { H1_LIMITS } from '../../../packages/http/src/h1/limits.ts';
import { LineCache } from '../../../packages/http/src/h1/line-cache.ts';
import { type H1RequestHead, type RequestHandler, RequestParser } from '../../../packages/http/src/h1/request-parser.ts';
import type { RequestLine } from '../../../packages/http/src/h1/start-line.ts';
import { type ReadRequest, readByNode } from '../node-requests.ts';
import { type FuzzTarget, hold, texts } from '../target.ts';

/** Where the two may part, and why nothing can be smuggled through it. */
const PARTINGS = {
  none: 'they agree on all that came',
  fault: 'we refuse what Node takes: the connection ends, and what came before was the same',
  last: 'we take a request as the last one of its connection and read on no more; Node only stops after it has answered',
  tunnel: 'after a request to upgrade we wait for the answer; Node without a listener for upgrades ignores that it was one',
  refused: 'Node refuses what we take: it knows a list of methods and fewer characters in targets, and ends the connection',
} as const;

/** The target as it stood on the line, as far as we keep it: a scheme is lower-case, and a path is never empty. */
function targetOf({ form, scheme, authority, path }: RequestLine): string {
  if (form === 'authority') return authority ?? '';
  return form === 'absolute' ? `${scheme}://${authority}${path}` : path;
}

function normalTarget(method: string, target: string): string {
  const absolute = method === 'CONNECT' ? null : /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)([^#]*)$/.exec(target);
  if (absolute === null) return target;
  const [, scheme = '', authority = '', rest = ''] = absolute;
  return `${scheme.toLowerCase()}://${authority}${rest.startsWith('/') ? rest : `/${rest}`}`;
}

const textOf = (fields: readonly Field[]): string => fields.map(({ name, value }) => `${name}=${value}&`).join('');

class Reader implements RequestHandler {
  readonly requests: ReadRequest[] = [];
  /** Why nothing after it is a request. */
  over: 'tunnel' | 'last' | 'fault' | undefined;
  private persistent = true;
  readonly parser = new RequestParser(this, new FieldTable({ maxFields: 16 }), new LineCache<RequestLine>(16), H1_LIMITS);

  onRequestHead({ line, fields, upgrade, persistent }: H1RequestHead): void {
    this.requests.push({ method: line.method, target: targetOf(line), fields: textOf(fields), body: '', complete: upgrade });
    this.persistent = persistent;
    if (upgrade) this.over = 'tunnel';
  }

  onBody(chunk: Buffer): void {
    const last = this.requests.at(-1);
    if (last) last.body += chunk.toString('latin1');
  }

  onMessageEnd(): void {
    const last = this.requests.at(-1);
    if (last) last.complete = true;
    if (this.persistent) return;
    this.over = 'last';
    this.parser.stop();
  }

  onError(): void {
    this.over = 'fault';
  }
}

const describe = ({ method, target, fields, body, complete }: ReadRequest): string =>
  JSON.stringify([method, normalTarget(method, target), fields, complete ? body : 'incomplete']);

/** Requests that we took whole, in Node's view. Answers where the two part. */
function compare(reader: Reader, node: readonly ReadRequest[], nodeRefused: boolean): keyof typeof PARTINGS {
  for (const [index, one] of reader.requests.entries()) {
    const theirs = node[index];
    if (!one.complete) {
      hold(reader.over === 'fault' || theirs?.complete !== true, `Node has the end that we wait for: ${theirs && describe(theirs)}`);
      break;
    }
    if (theirs === undefined || (!theirs.complete && nodeRefused)) {
      hold(nodeRefused, `Node waits where we have a request: ${describe(one)}`);
      return 'refused';
    }
    hold(describe(theirs) === describe(one), `Node reads ${describe(theirs)} instead of ${describe(one)}`);
  }
  if (reader.over !== undefined) return reader.over;
  hold(node.length <= reader.requests.length, `Node has one more request: ${node.map(describe).join()}`);
  return nodeRefused ? 'refused' : 'none';
}

const TOKENS: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  '\0',
  ',',
  ';',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '00005\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '5;x\r\nhello\r\n',
  'e\r\n',
  'GET / HTTP/1.1\r\n',
  'POST /b HTTP/1.1\r\n',
  'HTTP/1.0',
  'HTTP/1.1',
  'Host: a\r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding:chunked \r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 05\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: content-length\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'Expect: 100-continue\r\n',
  ' folded\r\n',
  '\x0bx: y\r\n',
  'x: \x7f\r\n',
  'Trailer: host\r\n',
  'TE: trailers\r\n',
];

const seeds = (): readonly Buffer[] =>
  texts(
    'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n',
    'PUT http://a:80/x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n  GET /y HTTP/1.1\r\nHost: a\r\n\r\n',
  );

const received: FuzzTarget = {
  name: 'http1-against-node',
  tokens: TOKENS,
  seeds,
  async run(input) {
    const reader = new Reader();
    reader.parser.receive(Buffer.from(input));
    const { requests, refused } = await readByNode([input]);
    const parting = compare(reader, requests, refused);
    const whole = reader.requests.filter(({ complete }) => complete).length;
    return `${Math.min(whole, 4)} ${parting} ${Math.min(requests.length, 4)} ${refused}`;
  },
};

/** An upstream that keeps what comes and never answers. */
class Sink extends Duplex {
  readonly chunks: Buffer[] = [];
  override _read(): void {
    // Silent.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }
}

const engine = weftEngine();

/** A client that says its bytes and then waits. */
class Speaker extends Duplex {
  constructor(bytes: Buffer) {
    super();
    this.push(bytes);
  }
  override _read(): void {
    // All was said.
  }
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}

const sent: FuzzTarget = {
  name: 'http1-sent-on',
  tokens: TOKENS,
  seeds,
  async run(input) {
    const reader = new Reader();
    reader.parser.receive(Buffer.from(input));
    const sink = new Sink();
    const heads: string[] = [];
    const upstream = engine.upstream({ version: 'http/1', dial: async () => sink });
    const link = new Speaker(Buffer.from(input));
    const connection = engine.serve(link, { version: 'http/1' }, (exchange: Exchange) => {
      heads.push(exchange.request.method);
      exchange.forward(upstream, { origProto: 'none', failed: (one) => one.reset(2) }, null);
    });
    for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
    const bytes = Buffer.concat(sink.chunks);
    connection.destroy();
    upstream.destroy();
    sink.destroy();
    hold(heads.length <= 1, 'a second request is sent before the first is answered');
    const [first] = reader.requests;
    const { requests, refused } = await readByNode([bytes]);
    hold(requests.length <= heads.length, `one request becomes ${requests.map(describe).join()}`);
    if (first === undefined || heads.length === 0) {
      hold(bytes.length === 0, 'bytes of no request are sent on');
      return `nothing ${reader.over}`;
    }
    const [read] = requests;
    // It was given up before there was a connection for it.
    if (bytes.length === 0) {
      hold(reader.over === 'fault', 'a request is not sent on');
      return 'given up';
    }
    if (read === undefined) {
      hold(refused, `Node waits for the head of what is sent on: ${bytes.toString('latin1')}`);
      return `refused ${first.complete}`;
    }
    hold(read.method === first.method, `the method becomes ${read.method}`);
    const path = first.target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/, '');
    hold(read.target.endsWith(path), `the target becomes ${read.target}`);
    // A body is sent on as it comes, but never more than came, and its end only when it came.
    if (reader.over === 'fault' || !first.complete) hold(first.complete || !read.complete, 'an incomplete request is completed');
    hold(first.body.startsWith(read.body), 'the body becomes another');
    if (first.complete && !refused && reader.over !== 'tunnel') hold(read.complete && read.body === first.body, 'a complete request is sent on incompletely');
    return `${first.complete} ${read.complete} ${reader.over} ${Math.min(first.body.length, 2)}`;
  },
};

export const smugglingTargets = [received, sent];
