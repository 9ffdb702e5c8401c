// Headers of the mesh: which are set, checked and removed on the way. spec/proxy.md §4.4.
import { formatIdentityId, type IdentityId, type RequestOption } from '@weft/core';
import { field, type RequestHead, type ResponseHead, removeField, setField } from '@weft/http';

const CLIENT_ID = 'l5d-client-id';
const REQUIRE_ID = 'l5d-require-id';
const DST_OVERRIDE = 'l5d-dst-override';
const DST_CANONICAL = 'l5d-dst-canonical';
const PROXY_ERROR = 'l5d-proxy-error';
const PROXY_CONNECTION = 'l5d-proxy-connection';

/** Inbound: the peer's proven identity replaces whatever the client wrote. */
export function setClientId(request: RequestHead, clientId: IdentityId | undefined): void {
  if (clientId) setField(request.headers, CLIENT_ID, formatIdentityId(clientId));
  else removeField(request.headers, CLIENT_ID);
}

/** Outbound: the identity that the application demands of the endpoint; taken out of the request. */
export function takeRequiredId(request: RequestHead): string | undefined {
  const wanted = field(request.headers, REQUIRE_ID);
  if (wanted !== undefined) removeField(request.headers, REQUIRE_ID);
  return wanted;
}

/** Ingress: the target that the request names; taken out of it. */
export function takeDstOverride(request: RequestHead): string | undefined {
  const override = field(request.headers, DST_OVERRIDE);
  if (override !== undefined) removeField(request.headers, DST_OVERRIDE);
  return override;
}

/** Outbound: what the peer proxy told us, not the application. Returns the error and whether the peer wants the connection closed. */
export function takeProxyHeaders(response: ResponseHead): { readonly error: string | undefined; readonly close: boolean } {
  const error = field(response.headers, PROXY_ERROR);
  const connection = field(response.headers, PROXY_CONNECTION);
  if (error !== undefined) removeField(response.headers, PROXY_ERROR);
  if (connection !== undefined) removeField(response.headers, PROXY_CONNECTION);
  return { error, close: connection === 'close' };
}

export function setCanonicalDst(request: RequestHead, authority: string): void {
  setField(request.headers, DST_CANONICAL, authority);
}

/** Inbound: what the peer proxy resolved. */
export function canonicalDst(request: RequestHead): string | undefined {
  return field(request.headers, DST_CANONICAL);
}

/** An authority override takes the place of what the application named (spec/proxy.md §4.2). */
export function removeCanonicalDst(request: RequestHead): void {
  removeField(request.headers, DST_CANONICAL);
}

/** Outbound, where the route allows it: what the request asks for of timeouts and retries; taken out of it, all lines of it. */
export function takeOption(request: RequestHead, name: RequestOption): string | undefined {
  const value = field(request.headers, name);
  if (value !== undefined) removeField(request.headers, name);
  return value;
}
