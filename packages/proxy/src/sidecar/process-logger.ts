// The log of this process, the same from every thread: lines on stderr, written whole and at once.
import { createLogger, type ProcessLogger } from '@weft/process';
import type { Config } from './config/config.ts';

export function processLogger({ level, format }: Pick<Config['log'], 'level' | 'format'>): ProcessLogger {
  return createLogger({ level, format: format === 'JSON' ? 'json' : 'plain', name: 'linkerd_app', stamp: 'uptime' });
}
