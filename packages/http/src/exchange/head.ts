// Message heads as every engine and every pipeline sees them, for HTTP/1.0, 1.1 and 2 alike. RFC 9110 §6.

export type HttpVersion = '1.0' | '1.1' | '2';

/** How the target of an HTTP/1 request was written (RFC 9112 §3.2). HTTP/2 requests are `origin`, or `authority` for CONNECT. */
export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk';

/** Field lines in order as a flat list: name, value, name, value. Names are lower-case, values latin1. Never holds pseudo-headers. */
export type FieldList = string[];

export interface RequestHead {
  method: string;
  version: HttpVersion;
  form: TargetForm;
  /** Path and query; `*` for asterisk form, empty for authority form. */
  path: string;
  /** `http` or `https` where the client gave one (absolute form, `:scheme`). */
  scheme: string | undefined;
  /** Authority of the target or `:authority`; for origin form the Host field. undefined where the client gave none. */
  authority: string | undefined;
  headers: FieldList;
  /** `:protocol` of an extended CONNECT over HTTP/2 (RFC 8441 §4), whose bodies are the bytes of that protocol. */
  readonly protocol?: string;
  /** A valid HTTP/1.1 upgrade or CONNECT: after 101 (2xx to CONNECT) the exchange becomes a byte tunnel. */
  readonly upgrade: boolean;
}

export interface ResponseHead {
  status: number;
  version: HttpVersion;
  /** Reason phrase as an HTTP/1 peer gave it; undefined: the standard one. */
  reason?: string | undefined;
  headers: FieldList;
}

/** First value of a field, by lower-case name. */
export function field(headers: FieldList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** Replaces all lines of a field by one. */
export function setField(headers: FieldList, name: string, value: string): void {
  removeField(headers, name);
  headers.push(name, value);
}

/** Removes every line of a field; returns whether there was one. */
export function removeField(headers: FieldList, name: string): boolean {
  let write = 0;
  for (let read = 0; read < headers.length; read += 2) {
    const key = headers[read] as string;
    if (key === name) continue;
    headers[write] = key;
    headers[write + 1] = headers[read + 1] as string;
    write += 2;
  }
  const removed = write !== headers.length;
  headers.length = write;
  return removed;
}
