// What a session of HTTP/2 is made with: the port's parameters as settings and limits, the same objects for all connections of a listener
// or an endpoint, so that an idle connection does not pay for them.
import type { Http2Params } from '../exchange/engine.ts';
import type { Http2Limits } from '../h2/limits.ts';
import type { LocalSettings } from '../h2/settings.ts';

export interface H2Options {
  readonly settings: LocalSettings;
  readonly limits: Partial<Http2Limits>;
}

const STREAM_WINDOW = 65_535;
const NO_PARAMS: Http2Params = {};

export class H2OptionsCache {
  private readonly stallMs: number;
  private readonly servers = new WeakMap<Http2Params, Map<number | undefined, H2Options>>();
  private readonly clients = new WeakMap<Http2Params, H2Options>();

  constructor(stallMs: number) {
    this.stallMs = stallMs;
  }

  /** `maxHeaderBytes` is the listener's, for requests. */
  server(params: Http2Params = NO_PARAMS, maxHeaderBytes?: number): H2Options {
    let bySize = this.servers.get(params);
    if (bySize === undefined) {
      bySize = new Map();
      this.servers.set(params, bySize);
    }
    let options = bySize.get(maxHeaderBytes);
    if (options === undefined) {
      const { maxConcurrentStreams } = params;
      const limits = {
        ...this.limits(),
        ...(maxHeaderBytes === undefined ? {} : { maxHeaderListBytes: maxHeaderBytes }),
        ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
      };
      options = { settings: settingsOf(params), limits };
      bySize.set(maxHeaderBytes, options);
    }
    return options;
  }

  client(params: Http2Params = NO_PARAMS): H2Options {
    let options = this.clients.get(params);
    if (options === undefined) {
      options = { settings: settingsOf(params), limits: this.limits() };
      this.clients.set(params, options);
    }
    return options;
  }

  private limits(): Partial<Http2Limits> {
    return { stallMs: this.stallMs === 0 ? Number.POSITIVE_INFINITY : this.stallMs };
  }
}

function settingsOf(params: Http2Params): LocalSettings {
  return {
    initialStreamWindow: params.initialStreamWindow ?? STREAM_WINDOW,
    initialConnectionWindow: params.initialConnectionWindow,
    maxConcurrentStreams: params.maxConcurrentStreams,
    maxFrameSize: params.maxFrameSize,
    maxHeaderListSize: params.maxHeaderListSize,
    enableConnectProtocol: params.extendedConnect,
  };
}
