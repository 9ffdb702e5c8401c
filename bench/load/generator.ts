// The load generator that costs least of what is installed; wrk knows no rate.
import { findProgram } from '../processes/child.ts';
import { h2loadLoad } from './h2load.ts';
import type { LoadGenerator, LoadOptions } from './load.ts';
import { ownLoad } from './own.ts';
import { wrkLoad } from './wrk.ts';

export function loadGenerator({ protocol, rate }: Pick<LoadOptions, 'protocol' | 'rate'>): LoadGenerator {
  if (protocol === 'h1' && rate === undefined && findProgram('wrk') !== undefined) return wrkLoad;
  return findProgram('h2load') === undefined ? ownLoad : h2loadLoad;
}
