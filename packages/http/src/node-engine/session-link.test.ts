// The link of an HTTP/2 session ends when the session has written a GOAWAY with an error, however the bytes are cut.
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { SessionLink } from './session-link.ts';

class Sink extends Duplex {
  readonly written: Buffer[] = [];

  override _read(): void {
    // Nothing ever comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(chunk);
    done();
  }
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DATA = '00000500000000000168656c6c6f';
const CLEAN = `00000807000000000000000001${'00000000'}`;
const FAILED = '00000b07000000000000000001000000096d7367';

async function written(session: SessionLink, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => session.write(bytes, () => resolve()));
}

test('ends after a GOAWAY with an error code', async () => {
  for (const size of [1, 2, 7, 1000]) {
    const link = new Sink();
    const session = new SessionLink(link, 24);
    const bytes = Buffer.concat([Buffer.from(PREFACE), Buffer.from(DATA + CLEAN + DATA, 'hex')]);
    for (let at = 0; at < bytes.length; at += size) await written(session, bytes.subarray(at, at + size));
    expect(link.destroyed).toBe(false);
    const last = Buffer.from(FAILED + DATA, 'hex');
    const closed = new Promise((resolve) => session.once('close', resolve));
    for (let at = 0; at < last.length; at += size) await written(session, last.subarray(at, at + size));
    await closed;
    expect(session.failure?.message).toBe('session ended with http/2 error 9');
    expect(Buffer.concat(link.written).subarray(0, bytes.length).equals(bytes)).toBe(true);
  }
});

test('ends with its link', async () => {
  const link = new Sink();
  const session = new SessionLink(link, 0);
  const closed = new Promise((resolve) => session.once('close', resolve));
  link.destroy(new Error('cable cut'));
  await closed;
  expect(session.failure?.message).toBe('cable cut');
});
