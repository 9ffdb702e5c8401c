// The access log of this process: lines on stderr among those of the log, whatever its level, the same from every thread. spec/proxy.md §9.6.
import { stderrLines } from '@weft/process';
import type { ProxyPorts } from '../ports.ts';
import type { Config } from './config/config.ts';

export function accessLog({ log }: Config): Pick<ProxyPorts, 'accessLog'> {
  if (log.access === undefined) return {};
  const lines = stderrLines();
  return { accessLog: { format: log.access, write: (line) => lines.write(line) } };
}
