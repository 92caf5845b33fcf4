import { HakiriError, nearest } from '@hakiri/core';
import { DEFAULT_PAGINATION } from '../toolkit/paginate.ts';
import type { SourceContext } from '../toolkit/source-context.ts';
import type { HttpConfig, ResourceConfig } from './config.ts';
import type { Resource, ResourceIncremental } from './resource.ts';

type Settings = Pick<SourceContext, 'tables' | 'incremental' | 'lookbackMs'>;

/** The resources of a configuration by name, defaults and the manifest's overrides filled in. Throws source.config. */
export function buildResources(config: HttpConfig, settings: Settings): ReadonlyMap<string, Resource> {
  const configs = new Map<string, ResourceConfig>();
  for (const resource of config.resources) {
    if (configs.has(resource.name)) throw wrong(resource.name, 'there are two resources of that name');
    configs.set(resource.name, resource);
  }
  const built = new Map<string, Resource>();
  const build = (name: string, descendants: readonly string[]): Resource => {
    const known = built.get(name);
    if (known !== undefined) return known;
    const resourceConfig = configs.get(name)!;
    const resource = buildResource(resourceConfig, settings, (parent) => {
      if (parent === name || descendants.includes(parent)) throw wrong(name, 'it is its own parent');
      if (!configs.has(parent)) {
        const suggestion = nearest(parent, [...configs.keys()]);
        const hint = suggestion === undefined ? undefined : `Did you mean "${suggestion}"?`;
        throw wrong(name, `there is no resource "${parent}" to be its parent`, hint);
      }
      return build(parent, [...descendants, name]);
    });
    built.set(name, resource);
    return resource;
  };
  // In the order of the manifest, whatever the order of parents.
  return new Map([...configs.keys()].map((name) => [name, build(name, [])]));
}

function buildResource(
  config: ResourceConfig,
  settings: Settings,
  parentOf: (name: string) => Resource,
): Resource {
  const { name, path, parent } = config;
  const placeholders = [...path.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]);
  if (parent === undefined && placeholders.length > 0) {
    throw wrong(name, `path has {${placeholders[0]}}, but there is no parent to fill it in`);
  }
  if (parent !== undefined && !placeholders.includes(parent.param)) {
    throw wrong(
      name,
      `path does not hold {${parent.param}}, so every parent row would ask for the same list`,
    );
  }
  if (parent !== undefined) {
    refuseRedacted(
      name,
      parent.resource,
      [parent.field, ...placeholders.filter((each) => each !== parent.param)],
      settings,
    );
    refuseRedacted(name, name, [parent.param], settings);
  }
  return {
    name,
    path,
    method: config.method,
    params: config.params,
    headers: config.headers,
    records: config.records?.split('.'),
    format: config.format,
    primaryKey: config.primary_key,
    pagination: config.pagination ?? DEFAULT_PAGINATION,
    incremental: buildIncremental(config, settings),
    parent:
      parent === undefined
        ? undefined
        : { resource: parentOf(parent.resource), param: parent.param, field: parent.field },
    emptyStatuses: [],
  };
}

/** What stands in addresses is written down: in cursors, in the server's log, in what is told of a failure. */
function refuseRedacted(
  resource: string,
  table: string,
  fields: readonly (string | undefined)[],
  { tables }: Settings,
): void {
  const redacted = tables.find((each) => each.source === table)?.redacted ?? [];
  const found = redacted.find((path) =>
    fields.some((field) => field === path || field?.startsWith(`${path}.`)),
  );
  if (found === undefined) return;
  throw wrong(
    resource,
    `its addresses hold ${table}.${found}, which has on_write`,
    'Ask for it by another field of its parent.',
  );
}

function buildIncremental(config: ResourceConfig, settings: Settings): ResourceIncremental | undefined {
  const { name, incremental } = config;
  if (incremental === undefined) return undefined;
  const override = settings.tables.find((table) => table.source === name)?.incremental;
  const column = override ?? incremental.column ?? settings.incremental;
  if (column === undefined) throw wrong(name, '`incremental` names no column, and neither does the pipeline');
  const { param, format, order, seek, start } = incremental;
  if (seek && (param === undefined || order !== 'ascending')) {
    throw wrong(name, '`incremental.seek` needs `param` and order = "ascending"');
  }
  return {
    column,
    param,
    format,
    order,
    seek,
    start: start === undefined ? undefined : String(start),
    lookbackMs: settings.lookbackMs ?? 0,
  };
}

function wrong(resource: string, what: string, hint?: string): HakiriError {
  return new HakiriError(
    'source.config',
    `http: resource "${resource}": ${what}`,
    hint === undefined ? {} : { hint },
  );
}
