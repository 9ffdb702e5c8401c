// Starts the mesh with the demo application and opens the ways into it.
import { readFileSync } from 'node:fs';
import type { Logger } from '@weft/core';
import { type Deployment, type Draft, type KubeObject, parseManifest } from '@weft/kube';
import { type Mesh, startMesh } from '@weft/mesh';
import { builtFiles } from './built-files.ts';
import type { RuntimeChoice } from './flags.ts';

export const NAMESPACE = 'emojivoto';

export interface DemoOptions {
  readonly runtime: RuntimeChoice;
  /** Rounds per second of the vote bot. */
  readonly rate: number;
  /** 0: a free port. */
  readonly port: number;
  /** 0: a free port. */
  readonly apiPort: number;
  /** File that keeps the cluster. */
  readonly journal?: string;
  readonly logger: Logger;
  readonly onLine?: (where: string, line: string) => void;
  /** Closes what was started, also while it is starting. */
  readonly signal?: AbortSignal;
}

export interface Demo {
  readonly mesh: Mesh;
  readonly pageUrl: string;
}

export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { onLine } = options;
  const files = builtFiles();
  const mesh = await startMesh({
    runtime: options.runtime,
    programs: { bundles: [files.programs, files.demoPrograms] },
    controlPlane: {},
    logger: options.logger,
    ...(options.apiPort === 0 ? {} : { apiPort: options.apiPort }),
    ...(options.journal === undefined ? {} : { journal: options.journal }),
    ...(onLine ? { onLine: (pod, container, line) => onLine(`${pod.metadata.namespace}/${pod.metadata.name}/${container}`, line) } : {}),
  });
  try {
    await mesh.apply(parseManifest(readFileSync(files.demoManifest, 'utf8')).map((draft) => withRate(draft, options.rate)));
    await mesh.waitReady({ namespaces: [NAMESPACE] });
    const page = await mesh.forward({ namespace: NAMESPACE, name: 'web-svc', port: 80 }, options.port === 0 ? undefined : options.port);
    return { mesh, pageUrl: `http://${page.host}:${page.port}/` };
  } catch (error) {
    await mesh.close();
    throw error;
  }
}

/** Sets REQUEST_RATE of the vote bot, as `kubectl set env` would. */
function withRate(draft: Draft<KubeObject>, rate: number): Draft<KubeObject> {
  if (draft.kind !== 'Deployment' || draft.metadata.name !== 'vote-bot') return draft;
  const { spec } = draft as unknown as Deployment;
  const containers = spec.template.spec.containers.map((container) => ({
    ...container,
    env: [...(container.env ?? []), { name: 'REQUEST_RATE', value: String(rate) }],
  }));
  const changed = { ...draft, spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } } };
  return changed;
}
