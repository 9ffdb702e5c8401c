// Upgrades and CONNECT through one proxy and through two: after the answer, bytes. spec/proxy.md §4.3, §10.1.
import { describe, expect } from 'vitest';
import { scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { WAYS } from './ways.ts';
import { header, type Wire, type WireApplication, wireApplication, wireTo } from './wire.ts';

const HOST = 'transparency.test.svc.cluster.local';

/** Answers with this, then sends back what comes. */
const tunnelling = (answer: string) => (_request: unknown, wire: Wire) => {
  wire.socket.on('data', (chunk: string) => wire.write(`back ${chunk}`));
  wire.socket.on('end', () => wire.socket.end());
  return answer;
};

for (const way of WAYS) {
  const tunnelCase = (name: string, answer: string, run: (at: string, app: WireApplication) => Promise<void>): void =>
    acceptanceCase(
      name,
      async () => {
        await using app = await wireApplication(tunnelling(answer));
        await using control = await scripted().start();
        await using open = await way.open(control, app.port);
        await run(open.at, app);
      },
      way.name,
    );

  describe(`tunnels, ${way.name}`, () => {
    tunnelCase('http11_upgrades', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: chatproto\r\nconnection: upgrade\r\n\r\n', async (at, app) => {
      using wire = wireTo(at);
      wire.write(`GET /chat HTTP/1.1\r\nhost: ${HOST}\r\nupgrade: chatproto\r\nconnection: upgrade\r\n\r\n`);
      const answer = await wire.message({ bodyless: true });
      expect(answer.start).toBe('HTTP/1.1 101 Switching Protocols');
      expect([header(answer, 'upgrade'), header(answer, 'connection')?.toLowerCase()]).toEqual(['chatproto', 'upgrade']);
      expect(app.requests.map((request) => [header(request, 'upgrade'), header(request, 'connection')?.toLowerCase()])).toEqual([['chatproto', 'upgrade']]);
      wire.write('\x01 hi');
      expect(await wire.bytes(9)).toBe('back \x01 hi');
      wire.socket.end();
      expect(await wire.rest()).toBe('');
    });

    tunnelCase('http11_connect', 'HTTP/1.1 200 OK\r\n\r\n', async (at, app) => {
      using wire = wireTo(at);
      wire.write(`CONNECT ${HOST}:80 HTTP/1.1\r\nhost: ${HOST}:80\r\n\r\n`);
      expect((await wire.message({ bodyless: true })).start).toBe('HTTP/1.1 200 OK');
      expect(app.requests.map(({ start }) => start)).toEqual([`CONNECT ${HOST}:80 HTTP/1.1`]);
      wire.write('\x01 hi');
      expect(await wire.bytes(9)).toBe('back \x01 hi');
    });

    tunnelCase('http11_connect_headers_stripped', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', async (at) => {
      using wire = wireTo(at);
      wire.write(`CONNECT ${HOST}:80 HTTP/1.1\r\nhost: ${HOST}:80\r\n\r\n`);
      const answer = await wire.message({ bodyless: true });
      expect([answer.start, header(answer, 'content-length'), header(answer, 'transfer-encoding')]).toEqual(['HTTP/1.1 200 OK', undefined, undefined]);
      wire.write('\x01 hi');
      expect(await wire.bytes(9)).toBe('back \x01 hi');
    });

    tunnelCase('http11_connect_bad_requests', 'HTTP/1.1 200 OK\r\n\r\n', async (at, app) => {
      const bad = [
        ...['/origin', '/', 'http://test/bar', 'http://test', '*'].map((target) => `CONNECT ${target} HTTP/1.1`),
        'GET test HTTP/1.1',
        'CONNECT test HTTP/1.0',
      ];
      for (const start of bad) {
        using wire = wireTo(at);
        wire.write(`${start}\r\n\r\n`);
        expect([start, (await wire.message()).start]).toEqual([start, `${start.slice(-8)} 400 Bad Request`]);
      }
      expect(app.requests).toEqual([]);
    });
  });
}
