// Which representation a client wants. RFC 9110 §12.5.1, as Kubernetes' clients use it.
import type { AnswerForm } from '../rest/api-request.ts';

export interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** In the order given: Kubernetes' clients put what they like best first and do without weights. */
function parseAccept(header: string): MediaRange[] {
  return header
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((item) => item.trim());
      const pairs = parameters.map((item): [string, string] => {
        const at = item.indexOf('=');
        return at < 0 ? [item, ''] : [item.slice(0, at).toLowerCase(), item.slice(at + 1)];
      });
      return { type: type.toLowerCase(), parameters: new Map(pairs) };
    })
    .filter(({ type }) => type !== '');
}

const JSON_TYPES = new Set(['application/json', 'application/*', '*/*']);

/** The first representation that can be given; undefined when none can. */
export function chooseForm(header: string | undefined): AnswerForm | undefined {
  if (header === undefined || header.trim() === '') return 'object';
  for (const { type, parameters } of parseAccept(header)) {
    if (!JSON_TYPES.has(type)) continue;
    const as = parameters.get('as');
    if (as === undefined) return 'object';
    if (parameters.get('g') !== 'meta.k8s.io' || !['v1', 'v1beta1'].includes(parameters.get('v') ?? '')) continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  return undefined;
}

export function wantsAggregatedDiscovery(header: string | undefined): boolean {
  return parseAccept(header ?? '').some(
    ({ parameters }) => parameters.get('g') === 'apidiscovery.k8s.io' && parameters.get('v') === 'v2' && parameters.get('as') === 'APIGroupDiscoveryList',
  );
}
