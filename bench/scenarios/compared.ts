// One load on a proxy that is set up in several ways: the ways take turns, so that what the machine does otherwise meets all of them.
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import type { ProxyProcess } from '../../test/acceptance/process/proxy-process.ts';
import { alone, SERVICE, scripted } from '../../test/acceptance/process/scenes.ts';
import { entry, type Protocol } from '../hop.ts';
import { loadGenerator } from '../load/generator.ts';
import type { LoadOptions } from '../load/load.ts';
import type { PeerContext, RunningPeer } from '../peers/peer.ts';
import { pinProxy } from '../processes/cores.ts';
import type { LoadFigures } from '../report.ts';
import type { ScenarioContext } from '../scenario.ts';
import { backends } from './backends.ts';
import { checkAnswer } from './check-answer.ts';
import { figuresOf } from './figures-of.ts';
import { medianOf, type Work } from './under-load.ts';

export interface Setup {
  readonly label: string;
  start(context: PeerContext): Promise<RunningPeer>;
}

export interface OurSetup {
  readonly label: string;
  /** Changes what the control plane says, before the proxy asks. */
  prepare(control: ControlPlane): void;
  /** The proxy before the backend at this port. Default: a client's, before one endpoint. */
  start?(control: ControlPlane, port: number): Promise<ProxyProcess>;
  /** What the backend speaks. */
  readonly backend: Protocol;
}

/** Our proxy before a control plane of its own. */
export function ours({ label, prepare, start = startAlone, backend: protocol }: OurSetup): Setup {
  return {
    label,
    async start({ identity, backend }) {
      const control = await scripted().authority(identity.authority).start();
      prepare(control);
      const proxy = await start(control, await backend(protocol));
      return {
        port: proxy.outboundPort(SERVICE),
        pids: [proxy.pid],
        async close() {
          await proxy[Symbol.asyncDispose]();
          await control[Symbol.asyncDispose]();
        },
      };
    },
  };
}

const FULL = { warmUpSeconds: 2, leadInSeconds: 1, seconds: 3, rounds: 9 };
const QUICK = { warmUpSeconds: 0.5, leadInSeconds: 0.5, seconds: 1, rounds: 1 };

/** Figures by label. */
export async function compared(work: Work, setups: readonly Setup[], { quick, identity, log }: ScenarioContext): Promise<Record<string, LoadFigures>> {
  const { warmUpSeconds, leadInSeconds, seconds, rounds } = quick ? QUICK : FULL;
  const { protocol } = entry(work.path);
  const behind = backends(work);
  const running: { readonly label: string; readonly proxy: RunningPeer; readonly measured: LoadFigures[] }[] = [];
  const loadOn = (proxy: RunningPeer, time: number): LoadOptions => ({
    protocol: protocol === 'h2' ? 'h2' : 'h1',
    port: proxy.port,
    connections: work.connections,
    streams: work.streams,
    seconds: time,
    grpc: false,
  });
  try {
    for (const { label, start } of setups) {
      const proxy = await start({ identity, backend: behind.port });
      running.push({ label, proxy, measured: [] });
      pinProxy(pidOf(proxy), 0);
      await checkAnswer(proxy.port, work);
      const load = loadOn(proxy, warmUpSeconds);
      await loadGenerator(load).run(load);
    }
    for (let round = 0; round < rounds; round++) {
      for (const { label, proxy, measured } of running) {
        // While the others had their turn it closed the connections that it did not need; what it costs to open as many anew is another question.
        const leadIn = loadOn(proxy, leadInSeconds);
        await loadGenerator(leadIn).run(leadIn);
        const figures = await figuresOf(pidOf(proxy), loadOn(proxy, seconds));
        measured.push(figures);
        log(`${work.name}: ${label}: ${figures.cpu_us_per_request.toFixed(1)} µs CPU per request, ${figures.rps.toFixed(0)} requests/s`);
      }
    }
    return Object.fromEntries(running.map(({ label, measured }) => [label, medianOf(measured)]));
  } finally {
    for (const { proxy } of running) await proxy.close();
    await behind.close();
  }
}

/** Only the first proxy of a path is measured. */
function pidOf({ pids: [pid] }: RunningPeer): number {
  if (pid === undefined) throw new RangeError('no process');
  return pid;
}

const startAlone = (control: ControlPlane, port: number): Promise<ProxyProcess> => alone(control, port, { LINKERD2_PROXY_LOG: 'info' });
