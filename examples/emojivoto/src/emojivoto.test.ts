import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CATALOGUE, VOTABLE, voteMethod } from './catalogue.ts';
import { type RunningServer, runVoteBot, startEmoji, startVoting, startWeb } from './index.ts';
import { emojiRoot } from './proto/emoji-service.ts';
import { voteMethods, votingRoot } from './proto/voting-service.ts';

const servers: RunningServer[] = [];
let web = '';

beforeAll(async () => {
  const emoji = await startEmoji({ grpcPort: 0, promPort: 0, host: '127.0.0.1' });
  const voting = await startVoting({ grpcPort: 0, promPort: 0, host: '127.0.0.1' });
  const front = await startWeb({ port: 0, host: '127.0.0.1', emojiHost: `127.0.0.1:${emoji.port}`, votingHost: `127.0.0.1:${voting.port}` });
  servers.push(front, emoji, voting);
  web = `http://127.0.0.1:${front.port}`;
});

afterAll(async () => {
  for (const server of servers) await server.close();
});

const get = async (path: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(web + path);
  return { status: response.status, body: await response.json() };
};

test('lists 99 emoji and has 100 vote methods', async () => {
  expect(CATALOGUE).toHaveLength(99);
  expect(voteMethods.size).toBe(100);
  expect([voteMethod(':point_up_2:'), voteMethod(':100:'), voteMethod(':jack_o_lantern:')]).toEqual(['VotePointUp2', 'Vote100', 'VoteJackOLantern']);
  expect(VOTABLE).toContain(':relaxed:');
  expect((await get('/api/list')).body).toHaveLength(99);
});

test('describes the same messages and methods as the proto files', () => {
  for (const [file, root] of [
    ['emoji', emojiRoot],
    ['voting', votingRoot],
  ] as const) {
    const parsed = protobuf
      .parse(readFileSync(new URL(`../proto/${file}.proto`, import.meta.url), 'utf8'), { keepCase: true })
      .root.lookup('emojivoto.v1') as protobuf.Namespace;
    const own = root.lookup('emojivoto.v1') as protobuf.Namespace;
    const types = parsed.nestedArray.filter((entry) => entry instanceof protobuf.Type);
    expect(own.nestedArray.map((entry) => entry.name).sort()).toEqual(types.map((type) => type.name).sort());
    for (const type of types) {
      const fields = (t: protobuf.Type): unknown => t.fieldsArray.map((f) => [f.name, f.id, f.type, f.repeated]);
      expect(fields(own.lookupType(type.name))).toEqual(fields(type));
    }
  }
  const voting = protobuf.parse(readFileSync(new URL('../proto/voting.proto', import.meta.url), 'utf8')).root.lookupService('emojivoto.v1.VotingService');
  expect(voting.methodsArray.map((method) => method.name).sort()).toEqual([...voteMethods.keys(), 'Results'].sort());
});

test('counts votes and shows them on the leaderboard', async () => {
  expect(await get('/api/vote?choice=:joy:')).toEqual({ status: 200, body: {} });
  expect((await get('/api/leaderboard')).body).toContainEqual({ shortcode: ':joy:', unicode: '😂', votes: 1 });
});

test('always loses a vote for the doughnut', async () => {
  const { status, body } = await get('/api/vote?choice=:doughnut:');
  expect(status).toBe(500);
  expect(body).toEqual({ error: '2 UNKNOWN: ERROR' });
});

test('refuses votes for nothing and for the unknown', async () => {
  expect((await get('/api/vote')).status).toBe(400);
  expect((await get('/api/vote?choice=:nothing:')).status).toBe(400);
  expect((await get('/nowhere')).status).toBe(404);
});

test('answers a request target that is not a URL, and lives on', async () => {
  const port = Number(new URL(web).port);
  for (const target of ['http://[::1/', '//', 'http://a:99999/']) {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', path: target, agent: false }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      });
      sent.once('error', reject).end();
    });
    expect({ target, status }).toEqual({ target, status: 400 });
  }
  expect((await fetch(`${web}/`)).status).toBe(200);
});

test('serves a page', async () => {
  const response = await fetch(`${web}/`);
  expect(response.headers.get('content-type')).toContain('text/html');
  expect(await response.text()).toContain('Emoji Vote');
});

test('a bot that only picks doughnuts reports every lost vote', async () => {
  const stop = new AbortController();
  const failures: string[] = [];
  await runVoteBot({
    webHost: web.slice('http://'.length),
    requestRate: 1000,
    random: () => 0,
    signal: stop.signal,
    onFailure: (request) => {
      failures.push(request);
      if (failures.length === 3) stop.abort();
    },
  });
  expect(failures).toEqual(Array(3).fill('/api/vote?choice=%3Adoughnut%3A'));
});
