// weft-proxy: the mesh proxy of one pod.
import { proxyMain } from '@weft/proxy/sidecar';

process.exit(await proxyMain(process.env, process.argv.slice(2), new URL('weft-proxy-worker.mjs', import.meta.url)));
