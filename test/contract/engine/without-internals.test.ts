// The same engine where what lies under Node's sockets is not as known: it reads and writes them as streams.
import { afterAll, expect, test, vi } from 'vitest';

// Test files may share their modules.
vi.resetModules();
const asked = vi.spyOn(process as unknown as { binding(name: string): unknown }, 'binding').mockImplementation(() => {
  throw new Error('there is no such module');
});
const { weftEngine } = await import('@weft/http');
const { describeEngine } = await import('./suite.ts');

afterAll(() => {
  vi.resetModules();
  asked.mockRestore();
});

test('the internals were looked for, and not found', () => expect(asked).toHaveBeenCalledWith('stream_wrap'));

describeEngine('weft, without internals', () => weftEngine(), [], ['HTTP/1', 'tunnels', 'pool', 'HTTP/2', 'flow', 'lifecycle', 'links']);
