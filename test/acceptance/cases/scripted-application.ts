// Applications that answer as they are told from one request to the next, and a client's proxy that balances over them.
import { setTimeout as after } from 'node:timers/promises';
import type { ClientPolicy, Dispatcher, FailureAccrual } from '@weft/core';
import { type Application, httpApplication } from '../process/applications.ts';
import type { ControlPlane } from '../process/control-plane.ts';
import type { Environment } from '../process/launch.ts';
import { type ProxyProcess, readyProxy } from '../process/proxy-process.ts';
import { NAME, SERVICE } from '../process/scenes.ts';
import { balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol } from '../proxy/policies.ts';

export interface ScriptedApplication extends Application {
  /** The status of answers from now on. */
  status: number;
  /** How long an answer takes. */
  delayMs: number;
  /** Requests that it has seen. */
  readonly seen: number;
}

export async function scriptedApplication(status = 200): Promise<ScriptedApplication> {
  const state = { status, delayMs: 0, seen: 0 };
  const application = await httpApplication((_request, response) => {
    state.seen++;
    void after(state.delayMs).then(() => {
      response.statusCode = state.status;
      response.end();
    });
  });
  return Object.assign(state, { port: application.port, [Symbol.asyncDispose]: () => application[Symbol.asyncDispose]() });
}

/** Detection, and HTTP to one balancer whose endpoints are ejected as this says. */
export function accruing(accrual: FailureAccrual | undefined, dispatcher: Dispatcher = balanced(NAME)): ClientPolicy {
  const to = firstOf(dispatcher);
  const http = { ...httpProtocol({ to }), accrual };
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to), http1: http, http2: http });
}

/** The endpoints of NAME are the applications at these ports. */
export function setEndpoints(control: ControlPlane, ports: readonly number[]): void {
  const addresses = ports.map((_, index) => ({ ip: `10.42.2.${index + 1}`, port: 8080 }));
  control.endpointsOf(NAME).set(addresses.map((address) => ({ address, weight: 1, labels: {}, hint: 'none' })));
}

/** A client's proxy that reaches the applications at these ports, whether or not they are endpoints now. */
export function balancing(control: ControlPlane, ports: readonly number[], env: Environment = {}): Promise<ProxyProcess> {
  const dial = Object.fromEntries(ports.map((port, index) => [`10.42.2.${index + 1}:8080`, `127.0.0.1:${port}`]));
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env });
}
