import { HakiriError } from '@hakiri/core';
import type { Engine, SessionLimits } from '@hakiri/engine';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import type { SearchAnswer, SearchCall, SearchRequest } from '../search/request.ts';

/** What the reader's child was sent before is named, not sent again: a table is larger than question and answer. */
const sent = new WeakMap<IndexedTable, number>();
let lastId = 0;

/** @throws HakiriError what the job `search` throws */
export async function askSearch(
  engine: Pick<Engine, 'read'>,
  { table, ...question }: SearchRequest,
  limits: () => SessionLimits,
): Promise<SearchAnswer> {
  const ask = (call: SearchCall) => engine.read<SearchAnswer | null>('search', call, limits());
  const known = sent.get(table);
  // A child that was started since knows nothing.
  const again = known === undefined ? null : await ask({ ...question, tableId: known });
  if (again !== null) return again;
  const tableId = known ?? ++lastId;
  const answer = await ask({ ...question, table, tableId });
  if (answer === null) throw new HakiriError('internal', 'A search was not answered');
  sent.set(table, tableId);
  return answer;
}
