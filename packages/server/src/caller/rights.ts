import {
  ACTIONS,
  type Action,
  type Grant,
  HakiriError,
  hasRight,
  isLeftToAll,
  LOCAL_ZONE,
  mayRun,
  tagAllows,
} from '@hakiri/core';

/** Of the memories of a namespace. */
const MEMORY = 'memory_';

/** Whether the grant allows this of any table whose name begins so, as far as names tell. */
export function mayAny(grant: Grant, action: Action, prefix = ''): boolean {
  const named = grant.rights.filter((right) => right.table !== '*').map(({ table }) => table);
  const left = grant.restrictions.flatMap(({ tables = ['*'] }) => tables.filter((name) => name !== '*'));
  const candidates = [...named, ...left, ...(left.length === 0 ? [prefix] : [])];
  return candidates.some((table) => table.startsWith(prefix) && may(grant, action, table));
}

/** Rows, or aggregates over them. */
export const mayReadAny = (grant: Grant): boolean => mayAny(grant, 'aggregate');
export const mayMemory = (grant: Grant, action: Action): boolean => mayAny(grant, action, MEMORY);

export function mayRunAny({ rights, restrictions }: Grant): boolean {
  return rights.some(({ action }) => action === 'run') && restrictions.every(isLeftToAll);
}

/** @throws HakiriError access.zone_refused where the caller is in none of the zones that it is left to */
export function requireZone({ restrictions, zone }: Grant): void {
  const isLeft = restrictions.every(
    ({ zones }) => zones === undefined || (zone !== undefined && tagAllows(zones, zone)),
  );
  if (!isLeft) throw new HakiriError('access.zone_refused', `Nothing is served to ${zone ?? 'no zone'} here`);
}

/** @throws HakiriError access.denied, access.zone_refused */
export function requireRun(grant: Grant, pipeline: string): void {
  requireZone(grant);
  if (mayRun(grant, pipeline)) return;
  throw new HakiriError('access.denied', 'The token does not allow running this pipeline', {
    hint: 'pipeline_list lists what may be run or feeds what may be read; ask whoever issued the token for `run`.',
  });
}

function may(grant: Grant, action: Action, table: string): boolean {
  return (
    hasRight(grant, table, action) &&
    grant.restrictions.every((block) => isLeftToAll(block) || block.tables?.includes(table))
  );
}

/** Has every right to everything, here: what a token of the owner gives. */
export function isOwner({ rights, restrictions, zone }: Grant): boolean {
  return (
    zone === LOCAL_ZONE &&
    ACTIONS.every((action) => rights.some((right) => right.table === '*' && right.action === action)) &&
    restrictions.every(
      (block) =>
        isLeftToAll(block) &&
        [block.rows, block.columns, block.actions, block.minGroups].every(({ length }) => length === 0),
    )
  );
}
