// What the fields of one head say about the connection and about where the body ends, gathered while they are read: RFC 9112 §6, §9.
import type { Field } from '../field/field.ts';
import { FieldKind } from '../field/kind.ts';
import { H1Error } from './h1-error.ts';

/** How the end of a body is told. */
export const Framing = { none: 0, length: 1, chunked: 2, close: 3 } as const;

export class HeadFacts {
  hosts = 0;
  host = '';
  /** -1: no content-length. */
  length = -1;
  chunked = false;
  connectionClose = false;
  connectionKeepAlive = false;
  connectionUpgrade = false;
  /** First `upgrade` field. */
  upgrade: string | undefined;
  expects = false;
  /** `connection` or another field that belongs to one connection only is there. */
  hopByHop = false;

  /** Called for every field whose kind is one that HTTP/1 itself must understand. Throws `H1Error`. */
  note(field: Field): void {
    switch (field.kind) {
      case FieldKind.host:
        this.hosts += 1;
        this.host = field.value;
        return;
      case FieldKind.contentLength:
        // Even equal ones: that they are equal here does not make them equal everywhere.
        if (this.length >= 0) throw new H1Error('CONTENT_LENGTH', 'more than one content-length');
        this.length = Number(field.value);
        return;
      case FieldKind.transferEncoding:
        // A coding beside chunked could not be kept when the body is framed anew, and a second chunked is one too many.
        if (this.chunked || field.value.toLowerCase() !== 'chunked') throw new H1Error('TRANSFER_ENCODING', `unknown transfer-encoding: ${field.value}`);
        this.chunked = true;
        return;
      case FieldKind.connection:
        this.hopByHop = true;
        this.noteConnection(field.value);
        return;
      case FieldKind.upgrade:
        this.hopByHop = true;
        this.upgrade ??= field.value;
        return;
      case FieldKind.keepAlive:
      case FieldKind.proxyConnection:
        this.hopByHop = true;
        return;
      case FieldKind.expect:
        this.expects = true;
        return;
      default:
    }
  }

  /** Checks what only the whole head tells. Throws `H1Error`. */
  checkFraming(version: '1.0' | '1.1'): void {
    if (!this.chunked) return;
    if (this.length >= 0) throw new H1Error('LENGTH_AND_CODING', 'both content-length and transfer-encoding');
    if (version === '1.0') throw new H1Error('TRANSFER_ENCODING', 'transfer-encoding in HTTP/1.0');
  }

  persistent(version: '1.0' | '1.1'): boolean {
    return version === '1.0' ? this.connectionKeepAlive && !this.connectionClose : !this.connectionClose;
  }

  private noteConnection(value: string): void {
    for (const token of connectionTokens(value)) {
      if (token === 'close') this.connectionClose = true;
      else if (token === 'keep-alive') this.connectionKeepAlive = true;
      else if (token === 'upgrade') this.connectionUpgrade = true;
    }
  }
}

/** Lower-case members of a `connection` value. */
export function connectionTokens(value: string): string[] {
  const tokens: string[] = [];
  for (const part of value.split(',')) {
    const token = part.trim().toLowerCase();
    if (token !== '') tokens.push(token);
  }
  return tokens;
}

/** Fields that must not come after the body: they say where it ends or whom it is for (RFC 9110 §6.5.1). */
export function isForbiddenTrailer(field: Field): boolean {
  return field.kind >= FieldKind.host && field.kind <= FieldKind.te;
}
