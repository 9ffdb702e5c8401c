// One HTTP/2 connection on the request and response objects of node:http2 (RFC 9113).
import { constants, createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import { field, type Link, removeField, type ServeOptions, type ServerConnection } from '@weft/http';
import { type Client, watchClient, whenClosed } from './client.ts';
import { fieldsFrom, grouped, stripHopByHop } from './heads.ts';

export function serveHttp2(link: Link, { http2 = {} }: ServeOptions, onClient: (client: Client) => void): ServerConnection {
  const { initialStreamWindow = 65_535, initialConnectionWindow = 1_048_576, maxConcurrentStreams, maxFrameSize, maxHeaderListSize } = http2;
  const server = createServer({ settings: { initialWindowSize: initialStreamWindow, maxConcurrentStreams, maxFrameSize, maxHeaderListSize } });
  let session: ServerHttp2Session | undefined;
  server.on('session', (opened) => {
    session = opened;
    opened.on('error', () => undefined).on('close', () => link.destroy());
    opened.setLocalWindowSize(initialConnectionWindow);
  });
  const accept = (request: Http2ServerRequest, response: Http2ServerResponse): void => onClient(http2Client(link, request, response));
  server.on('request', accept).on('checkContinue', accept);
  const closed = whenClosed(link);
  link.on('end', () => link.destroy());
  // The mesh's TLS offers no ALPN, and Node takes such a connection for HTTP/1.
  if (!link.destroyed) server.emit('connection', Object.assign(link, { alpnProtocol: 'h2' }));
  return {
    drain: () => session?.close(),
    destroy: (error) => {
      session?.destroy(error);
      link.destroy(error);
    },
    closed,
  };
}

function http2Client(link: Link, request: Http2ServerRequest, response: Http2ServerResponse): Client {
  const { stream } = response;
  const { ':path': path = '', ':scheme': scheme, ':authority': given } = request.headers;
  const requestHeaders = fieldsFrom(request.rawHeaders);
  const authority = given || field(requestHeaders, 'host');
  const form = path === '*' ? 'asterisk' : 'origin';
  const client: Client = {
    link,
    head: { method: request.method, version: '2', form, path, scheme, authority, headers: requestHeaders, upgrade: false },
    request,
    response,
    hasBody: !stream.endAfterHeaders,
    gone: undefined,
    informational: (status, headers) => {
      if (!stream.destroyed && !stream.headersSent) stream.additionalHeaders({ ...grouped(headers), ':status': status });
    },
    writeHead: ({ status, headers }, close) => {
      stripHopByHop(headers);
      removeField(headers, 'transfer-encoding');
      response.sendDate = false;
      response.writeHead(status, grouped(headers));
      if (close) stream.session?.close();
    },
    reset: (code) => {
      client.gone ??= { code };
      stream.close(code);
    },
  };
  const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL } = constants;
  return watchClient(client, () => (response.writableEnded && stream.rstCode === NGHTTP2_NO_ERROR ? undefined : { code: stream.rstCode || NGHTTP2_CANCEL }));
}
