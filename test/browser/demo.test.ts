// The running demo as a person meets it: the page in a browser, the table, kubectl in another terminal, Ctrl-C.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumIsMissing, launchChromium, MISSING } from './chromium.ts';

const weft = fileURLToPath(new URL('../../packages/cli/bin/weft.mjs', import.meta.url));
const kubectl = process.env['KUBECTL_BIN'];
const skipped = chromiumIsMissing && process.env['CI'] !== 'true';
if (skipped) process.stderr.write(`skipped: ${MISSING}\n`);
if (!kubectl) process.stderr.write('kubectl against the running demo is skipped: set KUBECTL_BIN to the executable of a current kubectl\n');

describe.skipIf(skipped)('the running demo', () => {
  let demo: ChildProcess;
  let browser: Browser | undefined;
  let printed = '';
  let changed: () => void = () => undefined;

  /** Resolves with the match as soon as the demo has printed it. */
  const prints = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(printed);
      if (match) return match;
      if (demo.exitCode !== null) throw new Error(`the demo ended before it printed ${pattern}:\n${printed}`);
      await new Promise<void>((resolve) => (changed = resolve));
    }
  };

  beforeAll(async () => {
    demo = spawn(process.execPath, [weft, 'demo', '--runtime=loopback', '--rate=20'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (chunk: Buffer): void => {
      printed += chunk.toString();
      changed();
    };
    demo.stdout?.on('data', collect);
    demo.stderr?.on('data', collect);
    demo.once('exit', () => changed());
    browser = await launchChromium();
    await prints(/Ctrl-C ends everything/);
  });

  afterAll(async () => {
    await browser?.close();
    if (demo.exitCode === null) demo.kill('SIGKILL');
  });

  test('serves its page through the mesh', async () => {
    const [, address = ''] = await prints(/demo page\s+(\S+)/);
    const page = await (browser as Browser).newPage();
    await page.goto(address);
    await page.locator('button[data-shortcode=":joy:"]').click();
    await page.getByRole('status').filter({ hasText: 'You voted for' }).waitFor();
    await page.locator('button[data-shortcode=":doughnut:"]').click();
    await page.getByRole('status').filter({ hasText: 'got lost' }).waitFor();
    expect(await page.locator('#list button').count()).toBe(99);
    await page.close();
  });

  test.skipIf(!kubectl)('lists its pods to kubectl', async () => {
    const [, server = ''] = await prints(/--server (\S+)/);
    const cache = mkdtempSync(join(tmpdir(), 'weft-demo-kubectl-'));
    const { stdout } = await promisify(execFile)(kubectl ?? '', ['--server', server, '--cache-dir', cache, 'get', 'pods', '-A', '--no-headers'], {
      env: { HOME: cache },
    });
    rmSync(cache, { recursive: true, force: true });
    const pods = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).slice(0, 4));
    expect(pods.map(([namespace, , ready, status]) => `${namespace} ${ready} ${status}`).sort()).toEqual([
      ...Array<string>(4).fill('emojivoto 2/2 Running'),
      'linkerd 2/2 Running',
      'linkerd 2/2 Running',
      'linkerd 3/3 Running',
    ]);
  });

  test('shows success, rate and latency of each deployment', async () => {
    const [, success = ''] = await prints(/^web\s+(\d+\.\d+)%\s+\d+\.\d\s+\d+ms\s+\d+ms\s+\d+ms$/m);
    expect(Number(success)).toBeGreaterThan(50);
    await prints(/^emoji\s+100\.00%/m);
  });

  test('ends at Ctrl-C and leaves no process behind', async () => {
    const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve));
    demo.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(printed).toContain('stopping');
  });
});
