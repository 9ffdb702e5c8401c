// HTTP/1 messages as text to be written: heads, chunk lines and trailers. RFC 9112 §3, §4, §7.1. Fields bring their own line.
import { STATUS_CODES } from 'node:http';
import type { HttpVersion, TargetForm } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';

export const CHUNK_CRLF = '\r\n';

export interface WrittenTarget {
  readonly method: string;
  readonly version: HttpVersion;
  readonly form: TargetForm;
  readonly path: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
}

export function requestHeadText(target: WrittenTarget, fields: readonly Field[]): string {
  const version = target.version === '1.0' ? ' HTTP/1.0\r\n' : ' HTTP/1.1\r\n';
  return `${target.method} ${targetText(target)}${version}${fieldText(fields)}\r\n`;
}

/** `reason` undefined: the standard one. */
export function responseHeadText(version: HttpVersion, status: number, reason: string | undefined, fields: readonly Field[]): string {
  return `${statusLine(version, status, reason)}${fieldText(fields)}\r\n`;
}

export function chunkSizeText(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

export function lastChunkText(trailers: readonly Field[] | null): string {
  return trailers === null || trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${fieldText(trailers)}\r\n`;
}

function statusLine(version: HttpVersion, status: number, reason: string | undefined): string {
  const start = version === '1.0' ? 'HTTP/1.0 ' : 'HTTP/1.1 ';
  return `${start}${status} ${reason ?? STATUS_CODES[status] ?? ''}\r\n`;
}

function targetText(target: WrittenTarget): string {
  switch (target.form) {
    case 'origin':
      return target.path;
    case 'authority':
      return target.authority ?? '';
    case 'absolute':
      return target.authority === undefined ? target.path : `${target.scheme ?? 'http'}://${target.authority}${target.path}`;
    case 'asterisk':
      return '*';
  }
}

function fieldText(fields: readonly Field[]): string {
  let text = '';
  for (let i = 0; i < fields.length; i++) text += (fields[i] as Field).line;
  return text;
}
