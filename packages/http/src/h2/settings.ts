// SETTINGS of both sides: RFC 9113 §6.5, RFC 8441 §3.
import { Http2Error } from './http2-error.ts';
import { DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, ErrorCode, MAX_FRAME_SIZE, MAX_WINDOW, Setting } from './protocol.ts';

/** What we tell the peer. Everything that is left out keeps the protocol's default and is not sent. */
export interface LocalSettings {
  /** What a peer may send on one stream before we grant more. Default 65535. */
  readonly initialStreamWindow?: number | undefined;
  /** The same for the whole connection, 65535 at least. Default 1048576. */
  readonly initialConnectionWindow?: number | undefined;
  /** Largest frame accepted. Default 16384. */
  readonly maxFrameSize?: number | undefined;
  /** Advertised only when given; enforced by servers in any case (`Http2Limits.maxConcurrentStreams`). */
  readonly maxConcurrentStreams?: number | undefined;
  /** Advertised only when given; `Http2Limits.maxHeaderListBytes` is what is enforced. */
  readonly maxHeaderListSize?: number | undefined;
  /** Table for the peer's compression. Default 4096. */
  readonly headerTableSize?: number | undefined;
  /** Server: extended CONNECT is welcome (RFC 8441). Default false. */
  readonly enableConnectProtocol?: boolean | undefined;
}

/** What the peer told us, defaults before that. */
export interface PeerSettings {
  readonly headerTableSize: number;
  /** Smallest table that the last SETTINGS frame named on the way to `headerTableSize`: the encoder has to say that it went there. RFC 7541 §4.2. */
  readonly smallestHeaderTableSize: number;
  /** Infinity when the peer set none. */
  readonly maxConcurrentStreams: number;
  readonly initialWindowSize: number;
  readonly maxFrameSize: number;
  /** Infinity when the peer set none. Advice only: RFC 9113 §6.5.2. */
  readonly maxHeaderListSize: number;
  readonly enableConnectProtocol: boolean;
}

export const defaultPeerSettings: PeerSettings = {
  headerTableSize: 4096,
  smallestHeaderTableSize: 4096,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: DEFAULT_WINDOW,
  maxFrameSize: DEFAULT_FRAME_SIZE,
  maxHeaderListSize: Number.POSITIVE_INFINITY,
  enableConnectProtocol: false,
};

/** The pairs of our SETTINGS frame. */
export function settingPairs(settings: LocalSettings, role: 'client' | 'server'): [id: number, value: number][] {
  const pairs: [number, number][] = [];
  const add = (id: number, value: number | undefined): void => {
    if (value !== undefined) pairs.push([id, value]);
  };
  if (role === 'client') add(Setting.enablePush, 0);
  add(Setting.headerTableSize, settings.headerTableSize);
  if (role === 'server') add(Setting.maxConcurrentStreams, settings.maxConcurrentStreams);
  add(Setting.initialWindowSize, settings.initialStreamWindow);
  add(Setting.maxFrameSize, settings.maxFrameSize);
  add(Setting.maxHeaderListSize, settings.maxHeaderListSize);
  if (role === 'server' && settings.enableConnectProtocol === true) add(Setting.enableConnectProtocol, 1);
  return pairs;
}

/** What the payload of a peer's SETTINGS frame makes of its settings. Throws `Http2Error` for forbidden values. `from` is the peer's role. */
export function readSettings(previous: PeerSettings, from: 'client' | 'server', bytes: Buffer, start: number, end: number): PeerSettings {
  const next = { ...previous, smallestHeaderTableSize: previous.headerTableSize };
  for (let pos = start; pos < end; pos += 6) {
    const value = bytes.readUInt32BE(pos + 2);
    switch (bytes.readUInt16BE(pos)) {
      case Setting.headerTableSize:
        next.headerTableSize = value;
        next.smallestHeaderTableSize = Math.min(next.smallestHeaderTableSize, value);
        break;
      case Setting.enablePush:
        demand(value === 0 || (value === 1 && from === 'client'), ErrorCode.protocolError, 'SETTINGS_ENABLE_PUSH', value);
        break;
      case Setting.maxConcurrentStreams:
        next.maxConcurrentStreams = value;
        break;
      case Setting.initialWindowSize:
        demand(value <= MAX_WINDOW, ErrorCode.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE', value);
        next.initialWindowSize = value;
        break;
      case Setting.maxFrameSize:
        demand(value >= DEFAULT_FRAME_SIZE && value <= MAX_FRAME_SIZE, ErrorCode.protocolError, 'SETTINGS_MAX_FRAME_SIZE', value);
        next.maxFrameSize = value;
        break;
      case Setting.maxHeaderListSize:
        next.maxHeaderListSize = value;
        break;
      case Setting.enableConnectProtocol:
        demand(value === 1 || (value === 0 && !next.enableConnectProtocol), ErrorCode.protocolError, 'SETTINGS_ENABLE_CONNECT_PROTOCOL', value);
        next.enableConnectProtocol = value === 1;
        break;
      default:
    }
  }
  return next;
}

function demand(condition: boolean, code: number, name: string, value: number): void {
  if (!condition) throw new Http2Error(code, `${name} is ${value}`);
}
