// How a container's words (arguments and environment values) are made to fit the loopback runtime, where ports and paths are
// others than the pod says. Only what plainly carries a port or a mount path is touched. Pure.

export interface Rewriting {
  /** Container port → real port. */
  readonly ports: ReadonlyMap<number, number>;
  /** Mount path → real directory. */
  readonly paths: ReadonlyMap<string, string>;
  /** `web-svc.emojivoto:80` and its longer forms → `127.0.0.1:21005`. */
  readonly services: ReadonlyMap<string, string>;
}

const PORT_ALONE = /^(--?[A-Za-z][\w.-]*=)?(\d{1,5})$/;
/** `:8080`, `0.0.0.0:8080`, `localhost:8080`: addresses of the pod itself, at a place where an address can begin. */
const OWN_ADDRESS = /(^|[=,;\s/@"'])((?:0\.0\.0\.0|127\.0\.0\.1|\[::\]|\[::1\]|localhost\.?|\*)?:)(\d{1,5})(?!\d|\.)/g;
/** A pod's every interface is the machine's loopback here: nobody else may reach the port past the pod's proxy. */
const EVERY_INTERFACE: ReadonlySet<string> = new Set([':', '*:', '0.0.0.0:', '[::]:']);
const SERVICE_ADDRESS = /(^|[=,;\s/@"'])([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?):(\d{1,5})(?!\d|\.)/g;

export function rewriteWord(word: string, { ports, paths, services }: Rewriting): string {
  const alone = PORT_ALONE.exec(word);
  if (alone) return `${alone[1] ?? ''}${ports.get(Number(alone[2])) ?? alone[2] ?? ''}`;
  const withPorts = word
    .replace(SERVICE_ADDRESS, (whole, before: string, host: string, port: string) => {
      const address = services.get(`${host.replace(/\.$/, '')}:${port}`);
      return address === undefined ? whole : `${before}${address}`;
    })
    .replace(OWN_ADDRESS, (whole, before: string, host: string, port: string) => {
      const real = ports.get(Number(port));
      return real === undefined ? whole : `${before}${EVERY_INTERFACE.has(host) ? '127.0.0.1:' : host}${real}`;
    });
  return rewritePaths(withPorts, paths);
}

/** Longest mount first; a mount path counts only as a whole path or followed by a slash. */
export function rewritePaths(word: string, paths: ReadonlyMap<string, string>): string {
  let result = word;
  for (const [target, source] of [...paths].toSorted(([a], [b]) => b.length - a.length)) {
    const pattern = new RegExp(`(^|[=:,;\\s"'])${escapePattern(target)}(?=$|[/:,;\\s"'])`, 'g');
    result = result.replace(pattern, (_whole, before: string) => `${before}${source}`);
  }
  return result;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
