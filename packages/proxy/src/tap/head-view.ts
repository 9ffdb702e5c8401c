// Message heads as observers see them: what the client sent, not how the mesh carries it. spec/proxy.md §9.5 (headers extraction).
import type { TapHeaders } from '@weft/core';
import type { FieldList, RequestHead } from '@weft/http';

/** Of HTTP/1 carried in HTTP/2: not the client's. */
export const ORIG_PROTO = 'l5d-orig-proto';

/** The lines of a head below its pseudo-headers, without those of one name. */
export function headerLines(headers: FieldList, pseudo: TapHeaders, without: string | undefined): TapHeaders {
  const lines = [...pseudo];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name !== without) lines.push([name, headers[i + 1] as string]);
  }
  return lines;
}

export function pathOf({ path }: RequestHead): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

/** HTTP/2 has pseudo-headers; what is carried in it has not. */
export function requestLines(request: RequestHead, scheme: string | undefined, authority: string, carried: boolean): TapHeaders {
  const pseudo: TapHeaders =
    request.version === '2' && !carried
      ? [
          [':method', request.method],
          [':scheme', scheme ?? ''],
          [':authority', authority],
          [':path', request.path],
        ]
      : [];
  return headerLines(request.headers, pseudo, carried ? ORIG_PROTO : undefined);
}
