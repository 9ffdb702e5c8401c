// A whole list, page after page; from the start without pages where the server has forgotten the pages' state.
// Kubernetes API concepts, "Retrieving large results sets in chunks".
import type { KubeObject } from '../resources/meta.ts';
import { collectionPath, type ResourceKind } from '../resources/resource-kind.ts';
import type { ListOptions, ResourceList } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { listParser } from './list-parser.ts';
import { query } from './query.ts';
import type { Requests } from './requests.ts';
import { type BodyReading, readChunks } from './response-body.ts';
import { typed } from './watch-stream.ts';

const PAGE_SIZE = 500;
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

export async function listPages<T extends KubeObject>(requests: Requests, kind: ResourceKind<T>, call: ListOptions<T>): Promise<ResourceList<T>> {
  const { labelSelector, fieldSelector, resourceVersion } = call;
  const collection = collectionPath(kind, call.namespace);
  const fetchPage = async (limit: number | undefined, next: string | undefined): Promise<Page<T>> => {
    const text = query({
      labelSelector,
      fieldSelector,
      limit: limit === undefined ? undefined : String(limit),
      continue: next,
      // A continued list has the version of its first page.
      resourceVersion: next === undefined ? resourceVersion : undefined,
    });
    const request = { ...call, method: 'GET', path: collection + text, ...(kind.metadataOnly ? { accept: METADATA_LIST } : {}) };
    const response = await requests.open(request);
    return readPage(readChunks(response, requests.readingOf(request)), kind, requests.readingOf(request), call);
  };

  const limit = call.pageSize ?? PAGE_SIZE;
  let page = await fetchPage(limit, undefined);
  if (page.next === undefined) return { items: page.items, resourceVersion: page.resourceVersion };
  const items: T[] = [...page.items];
  while (page.next !== undefined) {
    try {
      page = await fetchPage(limit, page.next);
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'EXPIRED') throw error;
      const whole = await fetchPage(undefined, undefined);
      return { items: whole.items, resourceVersion: whole.resourceVersion };
    }
    for (const item of page.items) items.push(item);
  }
  return { items, resourceVersion: page.resourceVersion };
}

async function readPage<T extends KubeObject>(
  chunks: AsyncIterable<Buffer>,
  kind: ResourceKind<T>,
  { what }: BodyReading,
  { onGarbage, keep }: ListOptions<T>,
): Promise<Page<T>> {
  const items: T[] = [];
  const take = (text: string): void => {
    try {
      const object = typed(parseItem(text, what), kind, what);
      const kept = keep ? keep(object) : object;
      if (kept) items.push(kept);
    } catch (error) {
      if (!(error instanceof KubeError) || !onGarbage) throw error;
      onGarbage(error);
    }
  };
  let envelope: unknown;
  let head = '';
  try {
    const parser = listParser(take);
    for await (const chunk of chunks) {
      if (head.length < 120) head += chunk.subarray(0, 120).toString('utf8');
      parser.push(chunk);
    }
    envelope = parser.end();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new KubeError('PROTOCOL', `${what}: the answer is not JSON: ${head.slice(0, 120)}`, { cause: error });
  }
  const { items: list, metadata } = (envelope ?? {}) as { items?: unknown; metadata?: { resourceVersion?: unknown; continue?: unknown } };
  // Go writes an empty list as null.
  if (list !== null && list !== undefined && !Array.isArray(list)) throw new KubeError('PROTOCOL', `${what}: the answer is not a list`);
  if (typeof metadata?.resourceVersion !== 'string') throw new KubeError('PROTOCOL', `${what}: the list has no resourceVersion`);
  const next = metadata.continue;
  return { items, resourceVersion: metadata.resourceVersion, next: typeof next === 'string' && next !== '' ? next : undefined };
}

function parseItem(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeError('PROTOCOL', `${what}: an item is not JSON: ${text.slice(0, 120)}`, { cause: error });
  }
}
