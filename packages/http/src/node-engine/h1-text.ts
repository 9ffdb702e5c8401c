// HTTP/1 messages as bytes: heads, chunks and trailers (RFC 9112). Values are latin1, as they came.
import { STATUS_CODES } from 'node:http';
import type { FieldList, HttpVersion, RequestHead, ResponseHead } from '../exchange/head.ts';

export function requestHeadText(head: RequestHead): string {
  return `${head.method} ${targetText(head)} HTTP/${wireVersion(head.version)}\r\n${fieldText(head.headers)}\r\n`;
}

export function responseHeadText(head: ResponseHead): string {
  const reason = head.reason ?? STATUS_CODES[head.status] ?? '';
  return `HTTP/${wireVersion(head.version)} ${head.status} ${reason}\r\n${fieldText(head.headers)}\r\n`;
}

export function lastChunkText(trailers: FieldList): string {
  return trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${fieldText(trailers)}\r\n`;
}

function targetText(head: RequestHead): string {
  switch (head.form) {
    case 'authority':
      return head.authority ?? '';
    case 'absolute':
      return head.authority === undefined ? head.path : `${head.scheme ?? 'http'}://${head.authority}${head.path}`;
    case 'asterisk':
      return '*';
    case 'origin':
      return head.path;
  }
}

function wireVersion(version: HttpVersion): '1.0' | '1.1' {
  return version === '1.0' ? '1.0' : '1.1';
}

function fieldText(fields: FieldList): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${oneLine(fields[i + 1] as string)}\r\n`;
  return text;
}

/** Values that were received have no line ends; one that was made up must not start a line of its own (RFC 9110 §5.5). */
function oneLine(value: string): string {
  return BREAKS.test(value) ? value.replace(/[\r\n\0]/g, ' ') : value;
}

const BREAKS = /[\r\n\0]/;
