// A client's proxy before several applications: each behind a Service of its own, reached by what a policy or profile says.
import type { ControlPlane } from '../process/control-plane.ts';
import type { Environment } from '../process/launch.ts';
import { type ProxyProcess, readyProxy } from '../process/proxy-process.ts';
import { NAME, SERVICE } from '../process/scenes.ts';

/** The name that applications of this name are balanced over. */
export function nameOf(application: string): string {
  return `${application}.ns.svc.cluster.local:80`;
}

/** `ports`: where the application of each name listens. */
export async function routedTo(
  control: ControlPlane,
  ports: Readonly<Record<string, number>>,
  env: Environment = {},
  targets: readonly string[] = [SERVICE],
): Promise<ProxyProcess> {
  const dial: Record<string, string> = {};
  for (const [index, [name, port]] of Object.entries(ports).entries()) {
    const address = { ip: `10.42.1.${index + 1}`, port: 8080 };
    dial[`${address.ip}:8080`] = `127.0.0.1:${port}`;
    control.endpointsOf(nameOf(name)).set([{ address, weight: 1, labels: { app: name }, hint: 'none' }]);
  }
  const connectsTo = Object.fromEntries(targets.map((target) => [target, NAME]));
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial, env });
}
