/** Where texts are worked on when nothing leaves this machine. */
export const LOCAL_ZONE = 'local:device';

/** Where a model runs: on this device, or a named place of one of three kinds. */
export const ZONE_PATTERN =
  /^(?:local:device|(?:on-prem|private-cloud|public-cloud):[a-z0-9][a-z0-9._-]{0,62})$/;

/** A zone, or the start of some and a star. */
export const ZONE_RULE_PATTERN =
  /^(?:local:(?:device|\*)|(?:on-prem|private-cloud|public-cloud):(?:\*|[a-z0-9][a-z0-9._-]{0,62}\*?))$/;

/** The zones that data may be sent to, each exact or with a star at the end (`on-prem:*`). */
export type ZoneTag = readonly string[];

export function tagAllows(tag: ZoneTag, zone: string): boolean {
  return tag.some((rule) => (rule.endsWith('*') ? zone.startsWith(rule.slice(0, -1)) : rule === zone));
}

/** What the manifest says of where a table's data may be sent. All tags hold together: none widens another. */
export interface TableZones {
  readonly table: readonly ZoneTag[];
  /** By column as it is in the store; dots reach into structs. */
  readonly column: (name: string) => readonly ZoneTag[];
}

/** The columns whose tags exclude a zone; `all` where those of the table do. */
export function excludedFrom(
  zone: string,
  columns: readonly string[],
  zones: TableZones,
): { readonly all: boolean; readonly columns: readonly string[] } {
  const excludes = (tag: ZoneTag): boolean => !tagAllows(tag, zone);
  return {
    all: zones.table.some(excludes),
    columns: columns.filter((column) => zones.column(column).some(excludes)),
  };
}
