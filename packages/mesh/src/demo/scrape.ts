// The metrics of every proxy in the mesh, read from their admin ports.
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { parseExposition, type Sample } from '@weft/core';
import type { Pod } from '@weft/kube';
import type { Mesh } from '../mesh.ts';

const ADMIN_PORT = 4191;
const MAX_BYTES = 32 * 1024 * 1024;
const TIMEOUT_MS = 5000;

export interface ProxyMetrics {
  readonly namespace: string;
  /** The workload that owns the pod; the pod's own name where none does. */
  readonly deployment: string;
  readonly pod: string;
  readonly samples: readonly Sample[];
}

/** One entry per meshed pod that answers; a pod that is starting or stopping is left out. */
export async function scrapeProxies(mesh: Pick<Mesh, 'pods' | 'dialPod'>): Promise<readonly ProxyMetrics[]> {
  const meshed = mesh
    .pods()
    .filter((pod) => pod.metadata.labels?.['linkerd.io/control-plane-ns'] !== undefined && pod.metadata.deletionTimestamp === undefined);
  const scraped = await Promise.all(
    meshed.map(async (pod) => {
      const text = await fetchMetrics(mesh, pod).catch(() => undefined);
      return text === undefined ? [] : [{ ...nameOf(pod), samples: parseExposition(text) }];
    }),
  );
  return scraped.flat();
}

function nameOf(pod: Pod): Pick<ProxyMetrics, 'namespace' | 'deployment' | 'pod'> {
  const { name, namespace = '', labels = {} } = pod.metadata;
  return { namespace, pod: name, deployment: labels['linkerd.io/proxy-deployment'] ?? name };
}

async function fetchMetrics(mesh: Pick<Mesh, 'dialPod'>, pod: Pod): Promise<string> {
  const socket: Socket = await mesh.dialPod({ namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }, ADMIN_PORT);
  try {
    return await get(socket, '/metrics');
  } finally {
    socket.destroy();
  }
}

function get(socket: Socket, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ path, headers: { host: 'proxy', connection: 'close' }, createConnection: () => socket, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) call.destroy(new Error(`${path}: more than ${MAX_BYTES} bytes`));
        chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
        else reject(new Error(`${path}: status ${response.statusCode}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${path}: no answer within ${TIMEOUT_MS} ms`)));
    call.on('error', reject);
    call.end();
  });
}
