// An API server with a journal as a process of its own, to be killed. Says its URL, and lives until then.
import { startApiServer } from '@weft/kube/server';

const [path = '', compactAboveBytes = '', port = ''] = process.argv.slice(2);
const api = await startApiServer({ listen: { port: Number(port) }, journal: { path, compactAboveBytes: Number(compactAboveBytes) } });
process.stdout.write(`${api.url}\n`);
