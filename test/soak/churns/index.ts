// All churns. At scale 1 the exchanges and what disturbs them are a million rounds, and with the warm-up a
// million TCP connections are made, a hundred thousand of them over mutual TLS.
import type { Churn } from '../churn.ts';
import { aborted } from './aborted.ts';
import { broken } from './broken.ts';
import { connections, handshakes } from './connections.ts';
import { exchanges, plainExchanges } from './exchanges.ts';
import { halfClosed } from './half-closed.ts';
import { idle } from './idle.ts';
import { reconnects } from './reconnects.ts';
import { streams } from './streams.ts';
import { tunnels } from './tunnels.ts';

export const CHURNS: readonly Churn[] = [exchanges, plainExchanges, streams, broken, aborted, halfClosed, tunnels, reconnects, idle, connections, handshakes];
