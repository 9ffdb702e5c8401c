// Who a client is to its API server, asked for before each request, so that rotated tokens and certificates are picked up.

/** What one request carries. */
export interface Credentials {
  /** Value of the Authorization header. */
  readonly authorization?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
}

export interface CredentialSource {
  /** Called before each request; cheap while nothing changes. Throws KubeError CONFIG. */
  current(): Credentials | Promise<Credentials>;
  /** The server answered these with 401. True when asking again may give others: the request is then sent once more. */
  refused(credentials: Credentials): boolean;
}

export type TokenOption = string | (() => string | Promise<string>) | undefined;

/** The options that are no source themselves, as one. */
export function fixedCredentials({
  token,
  cert,
  key,
}: {
  readonly token?: TokenOption;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}): CredentialSource {
  const certificate = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  if (typeof token !== 'function') {
    const fixed: Credentials = Object.freeze({ ...certificate, ...(token === undefined ? {} : bearer(token)) });
    return { current: () => fixed, refused: () => false };
  }
  return { current: async () => ({ ...certificate, ...bearer(await token()) }), refused: () => false };
}

export function bearer(token: string): Credentials {
  return { authorization: `Bearer ${token}` };
}

export function basic(username: string, password: string): Credentials {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}
