import {
  type CatalogTable,
  HakiriError,
  type JsonValue,
  type LogicalType,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  tableParts,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { viewStatement } from '../view/view-sql.ts';
import { rowShape, type StoredKey, storedKey } from './row-key.ts';
import type { SidecarRow } from './sidecar-row.ts';

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 256_000_000;

/** The same rows without a sidecar: through the view. */
export async function readThroughEngine(
  engine: Pick<Engine, 'query'>,
  absolute: (relative: string) => string,
  table: CatalogTable,
  keys: readonly (readonly JsonValue[])[],
): Promise<readonly (SidecarRow | undefined)[]> {
  const shape = rowShape(table);
  const isPosition = shape.kind === 'position';
  const keyColumns = isPosition ? PROVENANCE_COLUMNS.slice(0, 2) : shape.key;
  const wanted = keys.filter((key) => key.length === keyColumns.length);
  if (wanted.length === 0) return keys.map(() => undefined);
  const names = keyColumns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const literals = wanted.map(
    (key) => `(${keyColumns.map(({ type }, i) => literal(key[i], type)).join(', ')})`,
  );
  const { rows, columns, truncated } = await engine.query(
    {
      sql: `SELECT * FROM ${quoteIdentifier(table.name)} WHERE (${names}) IN (${literals.join(', ')})`,
      views: [viewStatement(table, { path: absolute, provenance: true })],
      allowedPaths: [...tableParts(table), ...table.deltas].map(({ path }) => absolute(path)),
      maxRows: wanted.length,
      maxBytes: MAX_BYTES,
    },
    { timeoutMs: TIMEOUT_MS },
  );
  if (truncated === 'bytes') throw new HakiriError('query.failed', 'The rows asked for are too large');
  const found = new Map<StoredKey, SidecarRow>();
  for (const cells of rows) {
    const all = Object.fromEntries(columns.map(({ name }, i) => [name, cells[i] ?? null]));
    const { _hakiri_run, _hakiri_seq, _hakiri_deleted, _hakiri_order, ...values } = all;
    const row = { values, run: _hakiri_run, seq: _hakiri_seq, order: _hakiri_order } as SidecarRow;
    const key = isPosition
      ? positionText([row.run, row.seq])
      : storedKey(
          shape,
          shape.key.map(({ name }) => values[name]),
        );
    if (key !== undefined) found.set(key, row);
  }
  return keys.map((key) => {
    const stored = isPosition ? positionText(key) : storedKey(shape, key);
    return stored === undefined ? undefined : found.get(stored);
  });
}

const positionText = ([run, seq]: readonly (JsonValue | undefined)[]): string => `${run} ${seq}`;

/** A value that is not of the type is null, and equal to nothing. */
function literal(value: JsonValue | undefined, type: LogicalType): string {
  if (value === null || value === undefined) return 'NULL';
  const text = quoteLiteral(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(
    '\0',
    "' || chr(0) || '",
  );
  if (type.kind === 'bytes') return `from_base64(${text})`;
  return `TRY_CAST(${text} AS ${sqlType(type)})`;
}
