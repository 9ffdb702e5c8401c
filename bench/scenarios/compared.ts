// One load on a proxy that is set up in two ways, and by how much a request costs more in the second. The two take turns of one second each, so that what else the machine
// does meets both.
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import type { ProxyProcess } from '../../test/acceptance/process/proxy-process.ts';
import { alone, SERVICE, scripted } from '../../test/acceptance/process/scenes.ts';
import { entry, type Protocol } from '../hop.ts';
import { loadGenerator } from '../load/generator.ts';
import type { LoadOptions } from '../load/load.ts';
import type { PeerContext, RunningPeer } from '../peers/peer.ts';
import { pinProxy } from '../processes/cores.ts';
import type { LoadFigures, RiseFigures } from '../report.ts';
import type { ScenarioContext } from '../scenario.ts';
import { backends } from './backends.ts';
import { checkAnswer } from './check-answer.ts';
import { figuresOf } from './figures-of.ts';
import { riseOf } from './rise.ts';
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

export interface Compared {
  /** By label. */
  readonly proxies: Readonly<Record<string, LoadFigures>>;
  readonly rise: RiseFigures;
}

// A turn is shorter than what Linkerd's proxies keep an idle connection for (3 s): each finds its connections open when its turn comes. A lead-in goes before: for its first
// messages after a pause a connection acknowledges each at once, which over a thousand connections is most of a second.
const FULL = { warmUpSeconds: 3, leadInSeconds: 1, seconds: 1, rounds: 45 };
const QUICK = { warmUpSeconds: 1, leadInSeconds: 1, seconds: 1, rounds: 1 };

/** CPU time of the second against that of the first. */
export async function compared(work: Work, setups: readonly [Setup, Setup], { quick, identity, log }: ScenarioContext): Promise<Compared> {
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
  const run = async (proxy: RunningPeer, time: number): Promise<void> => {
    const load = loadOn(proxy, time);
    await loadGenerator(load).run(load);
  };
  try {
    for (const { label, start } of setups) {
      const proxy = await start({ identity, backend: behind.port });
      running.push({ label, proxy, measured: [] });
      pinProxy(pidOf(proxy), 0);
      await checkAnswer(proxy.port, work);
    }
    for (const { proxy } of running) await run(proxy, warmUpSeconds);
    for (let number = 0; number < rounds; number++) {
      for (const { proxy, measured } of running) {
        await run(proxy, leadInSeconds);
        measured.push(await figuresOf(pidOf(proxy), loadOn(proxy, seconds)));
      }
      log(`${work.name}: ${running.map(({ label, measured }) => `${label}: ${measured.at(-1)?.cpu_us_per_request.toFixed(1)} µs CPU per request`).join(', ')}`);
    }
    const [base, other] = running.map(({ measured }) => measured);
    return {
      proxies: Object.fromEntries(running.map(({ label, measured }) => [label, medianOf(measured)])),
      rise: riseOf(base ?? [], other ?? []),
    };
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
