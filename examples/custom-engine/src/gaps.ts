// What the engine cannot do, as data for the contract suite (test/contract/engine): a gap that works fails the run.

export interface EngineGap {
  /** Name of the case. */
  readonly test: string;
  readonly reason: string;
  readonly since: string;
}

/** Names of cases under the reason that they share. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  'http2-proxy has HTTP/1 upstreams only': [
    'reports a failed dial to the exchange that waited for it, and dials again for the next',
    'relays an HTTP/2 request and its response with bodies and trailers',
    'keeps pseudo-fields, duplicate fields in order, te and latin1 values of HTTP/2',
    'shares one dial and one connection among concurrent exchanges',
    'queues streams beyond the limit of the peer',
    'carries a reset of the upstream to the client, before and after the head, with its code',
    'carries a reset of the client to the upstream, before and after the head, with its code',
    'cancels upstream what a lost client connection leaves behind',
    'resets the client when the upstream connection dies in a response, and dials again',
    'finishes streams of an upstream that goes away, and dials anew for others',
    'lets both directions of a stream run at once',
    'completes a response whose request goes on, and ends the rest of the request',
    'relays interim responses of HTTP/2, also before a response without a body',
    'advertises the windows it was given and no limit of streams unless set',
    'gives up an upstream that does not answer pings',
    'carries HTTP/1.1 through HTTP/2 without a trace',
    'carries HTTP/1.0 and absolute form through HTTP/2',
    'carries chunked bodies and trailers through HTTP/2 both ways',
    'adds no framing to bodiless messages on the way through HTTP/2',
    'reports a reset of an upgraded request, so that an HTTP/1 client gets an answer',
    'leaves HTTP/2 alone where requests are decoded, and takes the version of the request where the peer says none',
    'translates HTTP/1 to HTTP/2 without the header of the mesh',
    'relays an empty body whose end was there before the upstream was',
    'carries unary calls with their trailers, also of 4 MiB',
    'carries an error that is nothing but trailers',
    'carries client streams, server streams and both at once',
    'carries a cancellation to the server',
    'carries a deadline',
    'stops a http/2 response that its http/1 client does not read',
    'stops a http/2 response that its http/2 client does not read',
    'stops a http/1 request that its http/2 origin does not read',
    'stops a http/2 request that its http/2 origin does not read',
    'carries more exchanges on one HTTP/2 connection than its window holds at once',
    'lets other streams of a connection pass one that is not read',
    'drains HTTP/2: GOAWAY, and the streams under way are finished',
    'gives up an upstream request whose HTTP/1 client is gone',
    'answers once when an upstream dies without a response',
    'ends every exchange exactly once when its upstream is destroyed',
    'serves and dials streams that are no sockets',
  ],
  'http2-proxy knows no CONNECT over HTTP/2': [
    'relays an extended CONNECT between peers that speak HTTP/2',
    'fails an extended CONNECT whose upstream does not take it',
    'carries WebSocket over HTTP/2 to a server that speaks HTTP/1',
    'asks an HTTP/1 server for another protocol by its name, and does not give it bytes early',
    'tunnels a CONNECT of HTTP/2 through an HTTP/1 upstream',
    'goes on with HTTP when an HTTP/1 server refuses a CONNECT of HTTP/2',
    'does not take an answer for a WebSocket that does not prove it',
    'closes the connection of a CONNECT whose HTTP/2 client is gone',
  ],
  'http2-proxy makes tunnels of GET requests with `upgrade: websocket` only': [
    'becomes a byte tunnel after 101, each side ending on its own',
    'keeps bytes that a client sends with its upgrade request',
    'becomes a byte tunnel after 2xx to CONNECT, without the framing fields of the answer',
    'answers an upgrade after the requests before it',
    'breaks a tunnel on one side when the other breaks',
    'stops a tunnel whose far end does not read',
    'waits for tunnels when draining',
  ],
  'node:http leaves a connection for good at any upgrade request': [
    'goes on with HTTP when an upgrade or CONNECT is refused',
    'does not take h2c or HTTP/1.0 for an upgrade',
    'serves an upgrade request with a body as an ordinary request',
  ],
  'node:http asks and answers in HTTP/1.1 only': [
    'reads a response to the end of its connection, for HTTP/1.0 and 1.1 clients',
    'serves HTTP/1.0 with and without Host, in its version',
  ],
  'node:http writes lines of one name next to each other': ['keeps duplicate fields in order and values in latin1'],
  'the parser of Node knows a closed list of methods and answers 400 to others': ['forwards a method that is not registered'],
  'nghttp2 resets a request that has neither :authority nor host': ['serves a request without an authority'],
  'node:http2 neither reads on nor says so when nghttp2 gives up a session': ['lets garbage from clients harm only their own connections'],
};

export const gaps: readonly EngineGap[] = Object.entries(CASES).flatMap(([reason, tests]) => tests.map((test) => ({ test, reason, since: '0.1' })));
