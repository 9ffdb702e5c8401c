// One of the threads of weft-proxy where it uses several cores.
import { proxyWorkerMain } from '@weft/proxy/sidecar';

proxyWorkerMain();
