// A line for each inbound request, in one of two forms. spec/proxy.md §9.6.
import { type Clock, formatIdentityId, formatSocketAddress, type IdentityId, type SocketAddress } from '@weft/core';
import { type Exchange, type FieldList, field, type HttpVersion, type RequestHead } from '@weft/http';

export interface AccessLogPort {
  readonly format: 'apache' | 'json';
  /** A whole line, with its end. Called when a response begins, or the request ends without one; must not throw. */
  write(line: string): void;
}

export interface AccessClient {
  readonly remote: SocketAddress;
  readonly clientId: IdentityId | undefined;
}

/** What is known of a request when it comes. Keys are those of the JSON form. */
interface Asked {
  readonly 'client.addr': string;
  readonly 'client.id': string;
  readonly timestamp: string;
  readonly method: string;
  readonly uri: string;
  readonly version: string;
  readonly trace_id: string;
  readonly request_bytes: string;
  readonly user_agent: string;
  readonly host: string;
}

interface Answered {
  readonly status: number;
  /** The header, where there is one. */
  readonly response_bytes: string | undefined;
  readonly total_ns: string;
  readonly processing_ns: string;
}

interface Entry {
  readonly asked: Asked;
  readonly startedAt: number;
  /** How long it took to be handed on. */
  handledMs: number | undefined;
}

const VERSIONS: Readonly<Record<HttpVersion, string>> = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2.0' };
const NANOS_PER_MS = 1e6;

export class AccessLog {
  readonly #port: AccessLogPort;
  readonly #clock: Clock;
  /** Of those whose line is to be written. */
  readonly #entries = new WeakMap<Exchange, Entry>();

  constructor(port: AccessLogPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  /** Before anything is changed in the request. */
  came(exchange: Exchange, client: AccessClient): void {
    const asked = askedBy(exchange.request, client, new Date(this.#clock.wall()).toISOString());
    this.#entries.set(exchange, { asked, startedAt: this.#clock.now(), handledMs: undefined });
  }

  /** It was forwarded, or answered. */
  handled(exchange: Exchange): void {
    const entry = this.#entries.get(exchange);
    if (entry) entry.handledMs = this.#clock.now() - entry.startedAt;
  }

  /** The client gets this. */
  answered(exchange: Exchange, status: number, headers: FieldList): void {
    const entry = this.#take(exchange);
    if (!entry) return;
    const totalMs = this.#clock.now() - entry.startedAt;
    const answer = { status, response_bytes: field(headers, 'content-length'), total_ns: nanos(totalMs), processing_ns: nanos(entry.handledMs ?? totalMs) };
    this.#write(entry.asked, answer);
  }

  /** There is nothing more to come, and there may have been no answer. */
  over(exchange: Exchange): void {
    const entry = this.#take(exchange);
    if (entry) this.#write(entry.asked, undefined);
  }

  #take(exchange: Exchange): Entry | undefined {
    const entry = this.#entries.get(exchange);
    if (entry) this.#entries.delete(exchange);
    return entry;
  }

  #write(asked: Asked, answer: Answered | undefined): void {
    this.#port.write(`${this.#port.format === 'json' ? JSON.stringify({ ...asked, ...answer }) : apacheLine(asked, answer?.status)}\n`);
  }
}

function askedBy(request: RequestHead, { remote, clientId }: AccessClient, timestamp: string): Asked {
  const { method, version, headers } = request;
  return {
    'client.addr': formatSocketAddress(remote),
    'client.id': clientId ? formatIdentityId(clientId) : '-',
    timestamp,
    method,
    uri: uriOf(request),
    version: VERSIONS[version],
    trace_id: field(headers, 'x-b3-traceid') ?? field(headers, 'x-request-id') ?? field(headers, 'x-amzn-trace-id') ?? '',
    request_bytes: field(headers, 'content-length') ?? '',
    user_agent: field(headers, 'user-agent') ?? '',
    host: field(headers, 'host') ?? '',
  };
}

/** As the client wrote it: HTTP/2 and absolute targets name their authority. */
function uriOf({ version, form, method, scheme, authority, path }: RequestHead): string {
  if (form === 'authority' || (version === '2' && method === 'CONNECT' && path === '')) return authority ?? '';
  const whole = (version === '2' || form === 'absolute') && authority !== undefined;
  return whole ? `${scheme ?? 'http'}://${authority}${path}` : path;
}

function apacheLine(asked: Asked, status: number | undefined): string {
  const request = plain(`${asked.method} ${asked.uri} ${asked.version}`);
  return `${asked['client.addr']} ${asked['client.id']} - [${asked.timestamp}] "${request}"${status === undefined ? '' : ` ${status}`}`;
}

const SPACE = 0x20;
const DELETE = 0x7f;
const LAST_CONTROL = 0x9f;

/** Nobody forges a line, or the end of a field. */
function plain(text: string): string {
  return text.replace(/[^ !#-~]/g, (char) => {
    const code = char.charCodeAt(0);
    const visible = code > LAST_CONTROL || (code >= SPACE && code < DELETE && char !== '"');
    return visible ? char : `%${code.toString(16).padStart(2, '0').toUpperCase()}`;
  });
}

function nanos(ms: number): string {
  return String(Math.round(ms * NANOS_PER_MS));
}
