// A cluster whose Services are resolved: this one, or one that is linked to it.
import type { DestinationSettings } from '../settings.ts';
import type { ClusterIndex } from './cluster-index.ts';

export interface Cluster {
  /** `local`, or the name of the linked cluster. */
  readonly name: string;
  /** Unlike the name never used twice: a link may be replaced. */
  readonly id: number;
  readonly index: ClusterIndex;
  /** With the domains of that cluster. */
  readonly settings: DestinationSettings;
}
