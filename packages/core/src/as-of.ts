import { isUlid, type RunId } from './ids.ts';
import type { AsOf } from './ports/catalog.ts';

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;

/** `2026-11-01`, `2026-11-01T10:00:00Z` (UTC where no zone is given), or a run's id; undefined for anything else. */
export function parseAsOf(text: string): AsOf | undefined {
  const id = text.trim().toUpperCase();
  if (isUlid(id)) return { run: id as RunId };
  const [, day, time = '00:00', zone = 'Z'] = MOMENT.exec(text.trim()) ?? [];
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : { time: new Date(ms).toISOString() };
}
