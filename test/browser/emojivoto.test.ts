// The page of the demo application in a browser: a vote, the vote that always gets lost, the leaderboard.
import { type RunningServer, startEmoji, startVoting, startWeb } from '@weft/example-emojivoto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumIsMissing, launchChromium, MISSING } from './chromium.ts';

const skipped = chromiumIsMissing && process.env['CI'] !== 'true';
if (skipped) process.stderr.write(`skipped: ${MISSING}\n`);

describe.skipIf(skipped)('the page of emojivoto', () => {
  const servers: RunningServer[] = [];
  let browser: Browser | undefined;
  let address = '';

  beforeAll(async () => {
    const emoji = await startEmoji({ grpcPort: 0, promPort: 0 });
    const voting = await startVoting({ grpcPort: 0, promPort: 0 });
    const web = await startWeb({ port: 0, emojiHost: `127.0.0.1:${emoji.port}`, votingHost: `127.0.0.1:${voting.port}` });
    servers.push(web, voting, emoji);
    address = `http://127.0.0.1:${web.port}`;
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) await server.close();
  });

  async function open(path: string): Promise<{ readonly page: Page; readonly problems: readonly string[] }> {
    if (!browser) throw new Error('no browser');
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(address + path);
    return { page, problems };
  }

  const message = (page: Page, text: string): Promise<void> => page.getByRole('status').filter({ hasText: text }).waitFor();

  test('offers every emoji and confirms a vote, which the leaderboard then shows', async () => {
    const { page, problems } = await open('/');
    const buttons = page.locator('#list button');
    await buttons.first().waitFor();
    expect(await buttons.count()).toBe(99);
    await page.locator('button[data-shortcode=":joy:"]').click();
    await message(page, 'You voted for 😂');
    await page.getByRole('link', { name: 'Leaderboard' }).click();
    const row = page.locator('tr', { hasText: ':joy:' });
    await row.waitFor();
    expect((await row.locator('td').allTextContents()).slice(0, 2)).toEqual(['😂', '1']);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('says that the vote for the doughnut got lost', async () => {
    const { page, problems } = await open('/');
    await page.locator('button[data-shortcode=":doughnut:"]').click();
    await message(page, 'your vote for 🍩 got lost');
    expect(await page.getByRole('status').getAttribute('class')).toBe('error');
    await page.goto(`${address}/leaderboard`);
    await page.locator('table').waitFor({ state: 'attached' });
    expect(await page.locator('tr', { hasText: ':doughnut:' }).count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});
