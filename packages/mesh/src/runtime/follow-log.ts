// A container's kept lines as `kubectl logs` asks for them: the end, or the end and everything that follows.
import type { PodLogOptions } from '@weft/kube/server';
import type { LogBuffer } from './log-buffer.ts';

export function followLog(log: LogBuffer, request: PodLogOptions): string | AsyncIterable<string> {
  const past = log.tail(request.tailLines);
  const text = past.map((line) => `${line}\n`).join('');
  return request.follow ? follow(log, text, request.signal) : text;
}

async function* follow(log: LogBuffer, past: string, signal: AbortSignal): AsyncGenerator<string> {
  const waiting: string[] = [];
  let wake: () => void = () => undefined;
  const stop = log.subscribe((line) => {
    waiting.push(`${line}\n`);
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    if (past !== '') yield past;
    while (!signal.aborted) {
      const next = waiting.splice(0).join('');
      if (next !== '') yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}
