// An HTTP engine of one's own for @weft/http: the engine port on the npm package `http2-proxy`, with its gaps as data.
// Copy it, put another implementation behind the port, and let test/contract/engine say what it can do.
// Example: const engine = customEngine(); engine.serve(socket, { version: 'http/1' }, (exchange) => exchange.respond({ status: 204, headers: [] }));

export { customEngine } from './custom-engine.ts';
export { type EngineGap, gaps } from './gaps.ts';
