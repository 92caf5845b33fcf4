import type { RunId, TableName } from '@hakiri/core';
import type { OpenedTable, OpenedVectorIndex, TableRows } from '../../../src/indexes/index.ts';
import { type RowSet, rowSetOf } from '../../../src/sets/row-set.ts';
import { identitiesOf, kindOf, segmentOf } from '../../vector/support/vectors.ts';

export interface TestRow {
  readonly run: RunId;
  readonly seq: number;
  readonly vector: Float32Array | undefined;
}

export interface VectorTable {
  readonly opened: OpenedTable;
  readonly index: OpenedVectorIndex;
  /** Of a unit's rows those that pass. */
  rows(passes: (row: TestRow) => boolean): TableRows;
  rowAt(unit: number, ordinal: number): TestRow;
}

/** A table of vectors alone, opened; a part a list. */
export function vectorTable(
  dims: number,
  graph: string,
  parts: readonly (readonly TestRow[])[],
): VectorTable {
  const spec = { ...kindOf(dims), kind: 'vector', name: 'vec', columns: ['body'] } as const;
  const places = new Map(
    parts.flatMap((rows, unit) =>
      rows.map(({ run, seq }, ordinal) => [`${run} ${seq}`, { unit, ordinal }] as const),
    ),
  );
  const index: OpenedVectorIndex = {
    kind: 'vector',
    spec,
    id: 'vec-1',
    units: parts.map((rows) =>
      segmentOf(
        spec,
        rows.map(({ vector }) => vector),
      ),
    ),
    graph,
  };
  const opened: OpenedTable = {
    table: {
      name: 'notes' as TableName,
      version: '1',
      primaryKey: ['id'],
      schema: { columns: [] },
      parts: [],
      deltas: [],
      placesSelect: '',
      indexes: [spec],
      built: 0,
      graphs: graph,
      embeddings: '',
    },
    units: parts.map((rows) => ({
      rows: rows.length,
      identities: identitiesOf(rows.map(({ run, seq }) => [run, seq])),
    })),
    indexes: [index],
    place: (run, seq) => places.get(`${run} ${seq}`),
  };
  return {
    opened,
    index,
    rows(passes) {
      const units = parts.map(
        (rows): RowSet =>
          rowSetOf(
            rows.length,
            rows.flatMap((row, ordinal) => (passes(row) ? [ordinal] : [])),
          ),
      );
      return { units, count: units.reduce((sum, { count }) => sum + count, 0) };
    },
    rowAt: (unit, ordinal) => parts[unit]![ordinal]!,
  };
}
