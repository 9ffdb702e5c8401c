// A column of kubectl's tables. Kubernetes API concepts, "Receiving resources as Tables".
import { type Json, type JsonObject, stringAt } from '../json/json.ts';

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the column that names the object. */
  readonly format?: string;
  readonly description: string;
  /** 0 is always shown, higher only with `-o wide`. */
  readonly priority: number;
  /** `nowMs` is the wall time, for ages. */
  readonly cell: (object: JsonObject, nowMs: number) => Json;
}

export function column(name: string, cell: Column['cell'], more: Partial<Omit<Column, 'name' | 'cell'>> = {}): Column {
  return { name, type: 'string', description: name, priority: 0, cell, ...more };
}

export const wide = (name: string, cell: Column['cell']): Column => column(name, cell, { priority: 1 });

export const nameColumn = column('Name', (object) => stringAt(object, 'metadata', 'name') ?? '', {
  format: 'name',
  description: 'Name must be unique within a namespace.',
});

export const ageColumn = column('Age', (object, nowMs) => age(stringAt(object, 'metadata', 'creationTimestamp'), nowMs), {
  description: 'Time since the object was created.',
});

/** How long ago a timestamp was, as kubectl writes it. */
export function age(timestamp: string | undefined, nowMs: number): string {
  const then = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then);
}

/** Two units at most, fewer the longer it is: 45s, 3m20s, 12m, 5h30m, 26h, 4d. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  if (days < 365 * 8) return pair(Math.floor(days / 365), 'y', days % 365, 'd');
  return `${Math.floor(days / 365)}y`;
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}
