// One pod on this node, from sandbox to removal: init containers in order, native sidecars gated by their startup probe,
// containers, status, and graceful end in reverse order.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@weft/core';
import { type Container, configMapKind, type KubeClient, type Pod, podKind, type Service, secretKind, serviceKind } from '@weft/kube';
import { startProcess } from './child-process.ts';
import { type ContainerRun, containerRun, type RestartPolicy } from './container.ts';
import { ConfigError, environmentOf, expand, type ServiceVariables } from './environment.ts';
import { entrypointOf, type ImageCatalogue } from './images.ts';
import { podStatus } from './pod-status.ts';
import type { ContainerLaunch, LaunchPlan, LocalRuntime, Mount, PodSandbox } from './sandbox.ts';
import { containerPath, type StagedPrograms } from './staging.ts';
import { prepareVolumes, type Volumes } from './volumes.ts';

export interface PodWorkerOptions {
  readonly client: KubeClient;
  readonly runtime: LocalRuntime;
  readonly programs: StagedPrograms;
  readonly images: ImageCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Below it the pod keeps its volumes. */
  readonly directory: string;
  readonly backoffMs: number;
  /** User for containers that name none; `undefined` where users do not change. */
  readonly defaultUser: number | undefined;
  /** Every line that a container writes. */
  readonly onLine?: ((pod: Pod, container: string, line: string) => void) | undefined;
}

export interface PodWorker {
  readonly uid: string;
  readonly pod: Pod;
  readonly sandbox: PodSandbox | undefined;
  readonly containers: readonly ContainerRun[];
  /** The object as the API server has it now. */
  update(pod: Pod): void;
  /** Graceful end; resolves when nothing of the pod is left. Idempotent. */
  terminate(graceMs: number): Promise<void>;
}

export function podWorker(first: Pod, options: PodWorkerOptions): PodWorker {
  const { client, runtime, clock } = options;
  const { namespace = '', name, uid = '' } = first.metadata;
  const logger = options.logger.child({ pod: `${namespace}/${name}` });
  const startedAt = clock.wall();
  let pod = first;
  let sandbox: PodSandbox | undefined;
  let volumes: Volumes | undefined;
  let services: readonly ServiceVariables[] = [];
  let initialized = false;
  let failure: { readonly reason: string; readonly message: string } | undefined;
  let ending: Promise<void> | undefined;
  let gone = false;

  // Status is written by one request at a time; what changes meanwhile goes with the next.
  let writing: Promise<void> | undefined;
  let dirty = false;
  let written = '';
  const publish = (): void => {
    dirty = true;
    writing ??= Promise.resolve()
      .then(writeStatus)
      .finally(() => {
        writing = undefined;
      });
  };
  const writeStatus = async (): Promise<void> => {
    while (dirty && !gone) {
      dirty = false;
      const status = podStatus({ pod, podIp: sandbox?.podIp, hostIp: runtime.nodeIp, startedAt, initialized, init, main, failure, now: clock.wall() });
      const text = JSON.stringify(status);
      if (text === written) continue;
      try {
        pod = await client.patch(podKind, { namespace, name }, { kind: 'merge', value: { metadata: { uid }, status } }, { subresource: 'status' });
        written = text;
      } catch (error) {
        logger.log('debug', 'the status of a pod could not be written', { error });
        if (!gone) clock.after(500, publish);
        return;
      }
    }
  };

  const makeRun = (spec: Container, restartPolicy: RestartPolicy): ContainerRun => {
    const run = containerRun({
      spec,
      restartPolicy,
      clock,
      logger,
      backoffMs: options.backoffMs,
      onChange: publish,
      plan: () => plan(spec),
      target: {
        dial: (port) => (sandbox ? sandbox.dial(port) : Promise.reject(new Error('the pod has no address yet'))),
        port: (portName) => spec.ports?.find((port) => port.name === portName)?.containerPort,
        exec: (command, timeoutMs) => exec(spec, command, timeoutMs),
      },
    });
    if (options.onLine) run.log.subscribe((line) => options.onLine?.(pod, spec.name, line));
    return run;
  };
  const podPolicy = first.spec.restartPolicy ?? 'Always';
  const init = (first.spec.initContainers ?? []).map((spec) =>
    makeRun(spec, spec.restartPolicy === 'Always' ? 'Always' : podPolicy === 'Never' ? 'Never' : 'OnFailure'),
  );
  const main = first.spec.containers.map((spec) => makeRun(spec, podPolicy));

  const launchOf = async (spec: Container, argvOverride?: readonly string[]): Promise<ContainerLaunch> => {
    if (!sandbox) throw new Error('the pod has no sandbox');
    const entry = entrypointOf(options.images, argvOverride ? { ...spec, command: argvOverride, args: [] } : spec);
    if (!entry) throw new ConfigError(`no command is given and the image ${spec.image ?? '(none)'} is not known here`);
    const env = await environmentOf({
      pod,
      container: spec,
      podIp: sandbox.podIp,
      hostIp: runtime.nodeIp,
      path: containerPath(options.programs),
      home: '/',
      services,
      configMap: (map) => client.get(configMapKind, { namespace, name: map }),
      secret: (secret) => client.get(secretKind, { namespace, name: secret }),
    });
    const argv = entry.argv.map((word) => expand(word, env));
    const program = await options.programs.resolve(argv[0] ?? '');
    if (program === undefined) throw new ConfigError(`program ${argv[0] ?? ''} is not on the path of the local runtime`);
    const security = { ...pod.spec.securityContext, ...spec.securityContext };
    const runAs = security.runAsUser ?? options.defaultUser;
    return {
      name: spec.name,
      role: entry.role,
      argv: [program, ...argv.slice(1)],
      env,
      mounts: mountsOf(spec, volumes),
      ports: (spec.ports ?? []).filter((port) => (port.protocol ?? 'TCP') === 'TCP').map((port) => port.containerPort),
      workingDir: spec.workingDir,
      user: runAs === undefined ? undefined : { uid: runAs, gid: security.runAsGroup ?? runAs },
      capabilities: security.capabilities?.add ?? [],
    };
  };
  const plan = async (spec: Container): Promise<LaunchPlan> => {
    const launch = await launchOf(spec);
    if (!sandbox) throw new Error('the pod has no sandbox');
    return sandbox.plan(launch);
  };
  const exec = async (spec: Container, command: readonly string[], timeoutMs: number): Promise<number> => {
    const planned = await sandbox?.plan(await launchOf(spec, command));
    if (planned?.kind !== 'run') return 126;
    const child = startProcess(planned.command, () => undefined);
    const timer = setTimeout(() => void child.stop(0).catch(() => undefined), timeoutMs);
    const exit = await child.exited;
    clearTimeout(timer);
    return exit.code;
  };

  const bringUp = async (): Promise<void> => {
    await fs.mkdir(options.directory, { recursive: true });
    await fs.chmod(options.directory, 0o755);
    sandbox = await runtime.createSandbox(pod, options.directory);
    if (ending) return;
    publish();
    services = await serviceVariablesOf(client, namespace, sandbox);
    volumes = await retryConfig(async () =>
      prepareVolumes({
        pod,
        podIp: sandbox?.podIp ?? '',
        hostIp: runtime.nodeIp,
        directory: join(options.directory, 'volumes'),
        clock,
        logger,
        sources: {
          configMap: (map) => client.get(configMapKind, { namespace, name: map }),
          secret: (secret) => client.get(secretKind, { namespace, name: secret }),
          token: (audience, expirationSeconds) =>
            client.tokenRequest(
              { namespace, name: pod.spec.serviceAccountName ?? 'default' },
              { ...(audience === undefined ? {} : { audiences: [audience] }), expirationSeconds, boundPod: { name, uid } },
            ),
        },
      }),
    );
    for (const run of init) {
      if (ending) return;
      run.start();
      if (run.spec.restartPolicy === 'Always') await untilStarted(run);
      else {
        await run.finished;
        if (run.phase.kind === 'terminated' && run.phase.exit.code !== 0) return publish();
      }
    }
    if (ending) return;
    initialized = true;
    for (const run of main) run.start();
    publish();
    // A pod whose containers have all completed has no use for its sidecars.
    await Promise.all(main.map((run) => run.finished));
    for (const run of init.toReversed()) await run.stop(graceOf(pod));
    publish();
  };

  /** Waits for missing ConfigMaps, Secrets and ServiceAccounts, as the kubelet does. */
  const retryConfig = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (ending) throw error;
        logger.log('info', 'the volumes of a pod are not ready', { error });
        await new Promise<void>((resolve) => void clock.after(500, resolve));
      }
    }
  };

  const untilStarted = async (run: ContainerRun): Promise<void> => {
    while (!run.started && !ending) await new Promise<void>((resolve) => void clock.after(25, resolve));
  };

  const running = bringUp().catch((error: unknown) => {
    if (ending) return;
    logger.log('error', 'a pod could not be started', { error });
    failure = { reason: 'Error', message: error instanceof Error ? error.message : String(error) };
    publish();
  });

  const end = async (graceMs: number): Promise<void> => {
    const deadline = clock.now() + graceMs;
    const left = (): number => Math.max(0, deadline - clock.now());
    await Promise.all(main.map((run) => run.stop(left())));
    for (const run of init.toReversed()) await run.stop(left());
    await running;
    volumes?.close();
    await sandbox?.close();
    await writing;
    gone = true;
    await fs.rm(options.directory, { recursive: true, force: true });
  };

  return {
    uid,
    get pod() {
      return pod;
    },
    get sandbox() {
      return sandbox;
    },
    containers: [...init, ...main],
    update(next) {
      pod = next;
    },
    terminate(graceMs) {
      ending ??= Promise.resolve().then(() => end(graceMs));
      return ending;
    },
  };
}

export function graceOf(pod: Pod): number {
  return (pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
}

function mountsOf(spec: Container, volumes: Volumes | undefined): Mount[] {
  return (spec.volumeMounts ?? []).map((mount) => {
    const source = volumes?.path(mount.name);
    if (source === undefined) throw new ConfigError(`volume ${mount.name} is not defined`);
    return { source: mount.subPath === undefined ? source : join(source, mount.subPath), target: mount.mountPath, readOnly: mount.readOnly ?? false };
  });
}

/** Services of the pod's namespace that exist now, and `kubernetes`, as its variables show them. */
async function serviceVariablesOf(client: KubeClient, namespace: string, sandbox: PodSandbox): Promise<ServiceVariables[]> {
  const own = (await client.list(serviceKind, { namespace })).items;
  const api = namespace === 'default' ? undefined : await client.get(serviceKind, { namespace: 'default', name: 'kubernetes' });
  const result: ServiceVariables[] = [];
  for (const service of [...own, ...(api ? [api] : [])]) {
    if (!hasClusterIp(service)) continue;
    const ports: ServiceVariables['ports'][number][] = [];
    for (const port of service.spec.ports ?? []) {
      const address = await sandbox.serviceAddress(service, port.port);
      if (address) ports.push({ name: port.name, port: port.port, protocol: port.protocol ?? 'TCP', host: address.host, real: address.port });
    }
    result.push({ name: service.metadata.name, ports });
  }
  return result;
}

export function hasClusterIp(service: Service): boolean {
  const { clusterIP, type } = service.spec;
  return type !== 'ExternalName' && clusterIP !== undefined && clusterIP !== '' && clusterIP !== 'None';
}
