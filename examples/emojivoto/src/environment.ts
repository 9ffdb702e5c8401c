// Settings from the environment, every error reported at once; and the life of a process until SIGTERM.

export interface Environment {
  port(name: string): number;
  /** `host:port`. */
  address(name: string): string;
  number(name: string, fallback: number): number;
  text(name: string): string | undefined;
  /** Prints all errors and ends the process with status 64 where there are any. */
  check(): void;
}

export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const errors: string[] = [];
  const bad = (name: string, want: string): void => void errors.push(`${name}=${JSON.stringify(env[name] ?? '')}: expected ${want}`);
  return {
    port(name) {
      const value = Number(env[name]);
      if (!/^[0-9]+$/.test(env[name] ?? '') || value > 65535) bad(name, 'a port number');
      return value;
    },
    address(name) {
      if (!/^[^\s:]+:[0-9]+$/.test(env[name] ?? '')) bad(name, 'host:port');
      return env[name] ?? '';
    },
    number(name, fallback) {
      const text = env[name];
      if (text === undefined || text === '') return fallback;
      const value = Number(text);
      if (!Number.isFinite(value) || value < 0) bad(name, 'a number that is not negative');
      return value;
    },
    text: (name) => (env[name] === '' ? undefined : env[name]),
    check() {
      if (errors.length === 0) return;
      for (const error of errors) process.stderr.write(`${error}\n`);
      process.exit(64);
    },
  };
}

/** Answers `--help` and `--version`, runs `start`, and stops what it returns on SIGTERM or SIGINT. */
export async function runProcess(usage: string, start: (signal: AbortSignal) => Promise<(() => Promise<void>) | undefined>): Promise<void> {
  const flag = process.argv[2];
  if (flag === '--help' || flag === '--version') {
    process.stdout.write(`${flag === '--help' ? usage : '0.1.0'}\n`);
    return;
  }
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const stop = await start(controller.signal);
  if (stop) await stopped;
  controller.abort();
  await stop?.();
  process.exit(0);
}
