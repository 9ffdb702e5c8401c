// The load on a proxy: a number of connections, each with a number of requests under way, for a time.
import { findProgram } from '../child.ts';
import type { Protocol } from '../peers/peer.ts';
import { h2loadLoad } from './h2load.ts';
import { ownLoad } from './own.ts';
import { wrkLoad } from './wrk.ts';

export interface LoadOptions {
  readonly protocol: Protocol;
  readonly port: number;
  readonly connections: number;
  /** Requests under way on each; 1 with HTTP/1.1. */
  readonly streams: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Answered with 200. */
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadGenerator {
  readonly name: string;
  run(options: LoadOptions): Promise<LoadResult>;
}

/** The one that costs least of what is installed. */
export function loadGenerator(protocol: Protocol): LoadGenerator {
  if (protocol === 'h1' && findProgram('wrk') !== undefined) return wrkLoad;
  return findProgram('h2load') === undefined ? ownLoad : h2loadLoad;
}
