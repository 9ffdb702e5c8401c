import { VERSION } from '@weft/process';
import { expect, test } from 'vitest';
import { renderTable } from './demo/table.ts';
import { runWeft, type WeftProcess } from './run-weft.ts';

async function weftRun(...argv: string[]): Promise<{ readonly out: string; readonly err: string; readonly code: unknown }> {
  const printed = { out: '', err: '' };
  const process: WeftProcess = {
    stdout: { write: (text) => void (printed.out += text) },
    stderr: { write: (text) => void (printed.err += text) },
  };
  await runWeft(argv, process);
  return { ...printed, code: process.exitCode ?? 0 };
}

test('prints its version', async () => {
  expect(await weftRun('version')).toMatchObject({ out: `Client version: ${VERSION}\n`, code: 0 });
  expect((await weftRun('version', '--short')).out).toBe(`${VERSION}\n`);
  expect((await weftRun('--version')).out).toContain(VERSION);
});

test('explains itself and refuses what it does not know', async () => {
  const help = await weftRun('demo', '--help');
  for (const flag of ['--check', '--runtime', '--seconds', '--rate', '--port', '--api-port', '--journal', '--verbose']) expect(help.out).toContain(flag);
  for (const argv of [['nothing'], ['demo', '--runtime=docker'], ['demo', '--seconds=-1'], ['demo', '--port=70000']]) {
    const refused = await weftRun(...argv);
    expect([refused.code, refused.err === '']).toEqual([64, false]);
  }
});

test('lays the table out with aligned columns, and dashes where there is no traffic', () => {
  const lines = renderTable(
    {
      emoji: { success_rate: 1, rps: 8.05, p50_ms: 1.4, p95_ms: 3, p99_ms: 1234.5, requests: 80 },
      'vote-bot': { success_rate: undefined, rps: 0, p50_ms: undefined, p95_ms: undefined, p99_ms: undefined, requests: 0 },
    },
    { color: false },
  );
  expect(lines).toEqual([
    'NAME       SUCCESS   RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99',
    'emoji      100.00%   8.1           1ms           3ms        1235ms',
    'vote-bot         -     -             -             -             -',
  ]);
});

test('paints a bad success rate', () => {
  const [, row = ''] = renderTable({ web: { success_rate: 0.5, rps: 1, p50_ms: 1, p95_ms: 1, p99_ms: 1, requests: 2 } }, { color: true });
  expect(row).toContain('\x1b[31m');
});
