// Key and signing request in the identity directory: `key.p8` and `csr.der`, DER both. spec/proxy.md §3.3.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyAndRequest, type KeyAndRequest } from '../authority/key-and-request.ts';

const KEY_FILE = 'key.p8';
const REQUEST_FILE = 'csr.der';

/** What a helper program left there, used as it is; otherwise a new pair, written before it is returned. */
export async function loadOrCreateKey(dir: string | undefined, identity: string): Promise<KeyAndRequest> {
  if (dir === undefined) return createKeyAndRequest(identity);
  const [key, request] = await Promise.all([readIfThere(join(dir, KEY_FILE)), readIfThere(join(dir, REQUEST_FILE))]);
  if (key && request) return { key, request };
  const created = await createKeyAndRequest(identity);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The request goes last: once both are there, they belong together.
  await replace(join(dir, KEY_FILE), created.key);
  await replace(join(dir, REQUEST_FILE), created.request);
  return created;
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function replace(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, path);
}
