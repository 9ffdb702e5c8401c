// HTTP for proxies: one exchange model over HTTP/1.1 and HTTP/2, and the engine port that implementations plug into.
// An engine serves accepted connections and forwards each exchange to an upstream, relaying bodies, trailers and resets.
// Example: engine.serve(socket, { version: 'http/1' }, (exchange) => exchange.forward(upstream, rules, null));

export { type ChunkReader, readWithoutBuffers } from './engine/socket-reads.ts';
export { type WeftEngineOptions, weftEngine } from './engine/weft-engine.ts';
export type {
  Exchange,
  ExchangeObserver,
  ExchangeOutcome,
  ForwardFailure,
  ForwardRules,
  Http2Params,
  HttpEngine,
  Link,
  LocalResponse,
  RetryRules,
  ServeOptions,
  ServerConnection,
  Upstream,
  UpstreamOptions,
  Verdict,
} from './exchange/engine.ts';
export { type FieldList, field, type HttpVersion, type RequestHead, type ResponseHead, removeField, setField, type TargetForm } from './exchange/head.ts';
export type { EngineTimers } from './exchange/timers.ts';
export { ORIG_PROTO } from './translate/orig-proto.ts';
