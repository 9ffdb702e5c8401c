// Keeps web pages out. A server without passwords on a developer's machine is within reach of every page in their browser:
// by requests across origins, and by names that are made to resolve to this machine (DNS rebinding).
import type { IncomingMessage } from 'node:http';
import { isIp, parseAuthority } from '@weft/core';
import { refusedOrigin } from '../errors/api-error.ts';

/** Throws ApiError 403. Browsers send Origin with every request that is not a plain read; only the server's own is let through. */
export function refuseWebPages(request: Pick<IncomingMessage, 'headers'>): void {
  const { host, origin } = request.headers;
  const authority = host === undefined ? undefined : parseAuthority(host);
  if (host !== undefined && !(authority && isOwnName(authority.host))) {
    throw refusedOrigin(`the host ${JSON.stringify(host)} is not an address of this server: use its IP address or localhost`);
  }
  if (origin !== undefined && origin !== `http://${host ?? ''}`) throw refusedOrigin(`requests of web pages are refused: origin ${JSON.stringify(origin)}`);
}

/** An address cannot be rebound; of names, only those that the machine itself or the cluster resolves. */
function isOwnName(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return isIp(name) || name === 'localhost' || /^kubernetes(\.default(\.svc(\..+)?)?)?$/.test(name);
}
