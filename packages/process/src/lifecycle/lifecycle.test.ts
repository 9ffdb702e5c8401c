import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { manualClock, memoryLogger } from '@weft/core';
import { describe, expect, test } from 'vitest';
import { intFlag } from '../flags/flag.ts';
import { ConfigError } from './config-error.ts';
import { type MainOptions, type MainWorld, runMain } from './run-main.ts';
import { createShutdown } from './shutdown.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('shutdown', () => {
  test('runs its steps one after the other, the last registered first', async () => {
    const log: string[] = [];
    const shutdown = createShutdown();
    shutdown.add('store', () => void log.push('store'));
    shutdown.add('server', async () => {
      log.push('server begins');
      await turn();
      log.push('server ends');
    });
    const remove = shutdown.add('gone', () => void log.push('gone'));
    remove();
    expect(shutdown.signal.aborted).toBe(false);
    const first = shutdown.begin('test');
    expect(shutdown.signal.aborted).toBe(true);
    expect([await first, await shutdown.begin('again'), log]).toEqual(['clean', 'clean', ['server begins', 'server ends', 'store']]);
  });

  test('goes on after a step that fails, and logs it', async () => {
    const logger = memoryLogger();
    const log: string[] = [];
    const shutdown = createShutdown({ logger });
    shutdown.add('first', () => void log.push('first'));
    shutdown.add('bad', () => {
      throw new Error('boom');
    });
    expect([await shutdown.begin('test'), log]).toEqual(['clean', ['first']]);
    expect(logger.records).toContainEqual({ level: 'error', message: 'a shutdown step failed', fields: { step: 'bad', error: new Error('boom') } });
  });

  test('cuts off what is not done within the grace period, and still gives every step its turn', async () => {
    const clock = manualClock();
    const log: string[] = [];
    const shutdown = createShutdown({ clock, graceMs: 1000 });
    shutdown.add('first', (force) => void log.push(`first, forced: ${force.aborted}`));
    shutdown.add('hanging', (force) => {
      force.addEventListener('abort', () => log.push('hanging is told'));
      return new Promise(() => undefined);
    });
    const done = shutdown.begin('test');
    clock.advance(999);
    await turn();
    expect(log).toEqual([]);
    clock.advance(1);
    expect([await done, log]).toEqual(['forced', ['hanging is told', 'first, forced: true']]);
  });

  test('closes at once what is opened too late', async () => {
    const shutdown = createShutdown();
    await shutdown.begin('test');
    let closed = false;
    shutdown.add('late', () => {
      closed = true;
    });
    expect(closed).toBe(true);
  });
});

interface FakeWorld extends MainWorld {
  readonly printed: { out: string; err: string; code: number | undefined };
  readonly signals: EventEmitter;
}
const world = (...argv: string[]): FakeWorld => {
  const printed: FakeWorld['printed'] = { out: '', err: '', code: undefined };
  return {
    argv,
    env: { A: '1' },
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
    exit: (code) => void (printed.code = code),
    signals: new EventEmitter(),
    printed,
  };
};
const flags = { port: intFlag({ default: 1, help: 'a port' }) };
const main = (own: FakeWorld, run: MainOptions<typeof flags>['run'], more: Partial<MainOptions<typeof flags>> = {}): Promise<number> =>
  runMain({ name: 'weft-x', version: '1.2.3', flags, run, world: own, ...more });

describe('runMain', () => {
  test('prints help and version', async () => {
    const help = world('-h');
    await main(help, () => 1);
    expect([help.printed.out.startsWith('Usage: weft-x [flags]\n'), help.printed.code]).toEqual([true, 0]);
    const version = world('--version');
    await main(version, () => 1);
    expect(version.printed).toEqual({ out: 'weft-x 1.2.3\n', err: '', code: 0 });
  });

  test('exits 64 with every error of flags and configuration', async () => {
    const badFlags = world('--port=x', '--nope');
    await main(badFlags, () => 0);
    expect(badFlags.printed).toEqual({ out: '', err: 'weft-x: invalid value "x" for flag -port: not a whole number\nweft-x: unknown flag: -nope\n', code: 64 });
    const badConfig = world();
    await main(badConfig, () => {
      throw new ConfigError(['A is missing', 'B is 7']);
    });
    expect(badConfig.printed).toEqual({ out: '', err: 'weft-x: A is missing\nweft-x: B is 7\n', code: 64 });
    const badFile = world();
    await main(badFile, () => {
      throw Object.assign(new Error('kubeconfig: cannot read /x'), { code: 'CONFIG' });
    });
    expect(badFile.printed).toEqual({ out: '', err: 'weft-x: kubeconfig: cannot read /x\n', code: 64 });
  });

  test('exits with the number that run gives, after the shutdown steps', async () => {
    const own = world('--port=5');
    let closed = false;
    await main(own, ({ flags: { port }, shutdown, env, given }) => {
      shutdown.add('x', () => {
        closed = true;
      });
      return port + Number(env['A']) + given.size;
    });
    expect([own.printed.code, closed, own.signals.listenerCount('SIGTERM')]).toEqual([7, true, 0]);
  });

  test('exits 1 with the stack when run fails, after the shutdown steps', async () => {
    const own = world();
    let closed = false;
    await main(own, async ({ shutdown }) => {
      shutdown.add('x', () => {
        closed = true;
      });
      await turn();
      throw new Error('boom');
    });
    expect([own.printed.code, closed, own.printed.err.startsWith('weft-x: Error: boom\n')]).toEqual([1, true, true]);
  });

  test('runs until a signal and exits 0, also when the start hangs', async () => {
    for (const run of [() => undefined, () => new Promise<void>(() => undefined)]) {
      const own = world();
      const done = main(own, run);
      await turn();
      expect(own.printed.code).toBeUndefined();
      own.signals.emit('SIGTERM', 'SIGTERM');
      expect(await done).toBe(0);
    }
  });

  test('exits 0 when the start gives up because of the signal', async () => {
    const own = world();
    const done = main(
      own,
      ({ shutdown }) => new Promise((_resolve, reject) => shutdown.signal.addEventListener('abort', () => reject(shutdown.signal.reason as Error))),
    );
    own.signals.emit('SIGINT', 'SIGINT');
    expect([await done, own.printed.err]).toEqual([0, '']);
  });

  test('is forced by a second signal and exits 1', async () => {
    const own = world();
    const done = main(own, ({ shutdown }) => void shutdown.add('hanging', () => new Promise(() => undefined)));
    await turn();
    own.signals.emit('SIGTERM', 'SIGTERM');
    await turn();
    own.signals.emit('SIGTERM', 'SIGTERM');
    expect(await done).toBe(1);
  });

  test('as a real process stays alive, obeys SIGTERM and flushes what it printed', async () => {
    const source = new URL('./run-main.ts', import.meta.url).pathname;
    const script = `import { runMain } from ${JSON.stringify(source)};
      await runMain({ name: 'p', version: '1', run: ({ shutdown }) => { shutdown.add('x', () => process.stdout.write('closed'.repeat(20000))); process.stdout.write('up\\n'); } });`;
    const child = spawn(process.execPath, ['--conditions=weft-source', '--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (out === '') child.kill('SIGTERM');
      out += text;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(out).toBe(`up\n${'closed'.repeat(20000)}`);
  });
});
