// Counts the living: sockets, and the engine's exchanges, connections and upstreams, found on the heap by their class.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { queryObjects } from 'node:v8';
import type { HttpEngine } from '@weft/http';

// biome-ignore lint/complexity/noBannedTypes: what `queryObjects` takes is any constructor
type Class = Function;

/** An engine that is the given one, and knows the classes of what that made. */
export class Census {
  readonly #classes: Map<Class, string>;
  readonly engine: HttpEngine;

  /** With another census: what both know of is counted by either. */
  constructor(engine: HttpEngine, together?: Census) {
    this.#classes = together
      ? together.#classes
      : new Map<Class, string>([
          [Socket, 'Socket'],
          [TLSSocket, 'TLSSocket'],
        ]);
    this.engine = {
      name: engine.name,
      serve: (link, options, onExchange) =>
        this.#note(
          engine.serve(link, options, (exchange) => {
            this.#note(exchange);
            onExchange(exchange);
          }),
        ),
      upstream: (options) => this.#note(engine.upstream(options)),
    };
  }

  /** Class → how many can still be reached. */
  count(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#classes].map(([one, name]) => [name, queryObjects(one, { format: 'count' })]));
  }

  #note<T extends object>(made: T): T {
    const { constructor } = made;
    if (!this.#classes.has(constructor)) this.#classes.set(constructor, constructor.name);
    return made;
  }
}
