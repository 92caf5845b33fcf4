import type { BlockClaims, TokenClaims } from '@hakiri/access/token';
import type { Right } from '@hakiri/core';

/** What a token says, as lines of label and text. */
export function tokenLines(claims: TokenClaims): readonly (readonly [label: string, text: string])[] {
  const { principal, zone, rights, proofKey, notBeforeMs, expiresAtMs, blocks } = claims;
  const { agent, host, onBehalfOf, task, delegates } = principal;
  const subject: readonly (readonly [string, string | undefined])[] = [
    ['agent', agent],
    ['host', host],
    ['on behalf of', onBehalfOf],
    ['task', task],
    ...delegates.map(
      (to) => ['passed on to', to.task === undefined ? to.agent : `${to.agent} (${to.task})`] as const,
    ),
    ['zone', zone ?? 'not said'],
    ['may', rightsText(rights)],
    ['holds from', notBeforeMs === undefined ? undefined : timeText(notBeforeMs)],
    ['expires', expiresAtMs === undefined ? 'never' : timeText(expiresAtMs)],
    ['proof by', proofKey],
  ];
  return [
    ...subject.flatMap(([label, text]) => (text === undefined ? [] : [[label, text] as const])),
    ...blocks.flatMap((block, index) =>
      [
        ...restrictionTexts(block),
        ...(index === 0 || block.expiresAtMs === undefined ? [] : [`until ${timeText(block.expiresAtMs)}`]),
      ].map((text) => [index === 0 ? 'only' : `block ${index}`, text] as const),
    ),
  ];
}

export function rightsText(rights: readonly Right[]): string {
  const tables = [...new Set(rights.map(({ table }) => table))];
  return tables
    .map((table) => {
      const actions = rights.filter((right) => right.table === table).map(({ action }) => action);
      return `${actions.join(', ')} ${table === '*' ? 'everything' : table}`;
    })
    .join('; ');
}

export const timeText = (ms: number): string => new Date(ms).toISOString();

function restrictionTexts({ restrictions }: BlockClaims): readonly string[] {
  const { tables, zones, rows, columns, actions, minGroups } = restrictions;
  return [
    ...(tables === undefined ? [] : [`tables ${tables.join(', ')}`]),
    ...(zones === undefined ? [] : [`callers in ${zones.join(', ')}`]),
    ...rows.map(({ table, predicate }) => `rows of ${table} where ${predicate}`),
    ...columns.map(({ table, names }) => `columns of ${table}: ${names.join(', ')}`),
    ...actions.map(({ table, column, action }) => `${table}.${column} by ${action}`),
    ...minGroups.map(({ table, rows: least }) => `aggregates of ${table} over at least ${least} keys`),
  ];
}
