import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';
import type { RowIdentities } from '../../indexes/opened-table.ts';
import { hasRow, type RowSet } from '../../sets/row-set.ts';
import type { VectorKind, VectorSegment } from '../vector-segment.ts';
import { fileSha256, writeDescription } from './graph-description.ts';
import { collectGraphRows, MAX_SEQUENCE } from './graph-rows.ts';
import { emptyIndex, loadUsearch } from './load-usearch.ts';

export interface GraphUnit {
  readonly segment: VectorSegment;
  readonly identities: RowIdentities;
  /** Rows to take in. */
  readonly rows: RowSet;
}

export interface BuiltGraph {
  readonly vectors: number;
  readonly bytes: number;
}

const BATCH_BYTES = 4 << 20;

/**
 * Makes a graph of the vectors of a whole table and puts it into the place of the one before. Holds all of them in
 * memory, in 16 bits a component. Undefined where this platform has no engine for graphs.
 * @throws HakiriError index.damaged, store.io
 */
export async function buildGraph(
  folder: string,
  kind: VectorKind,
  units: readonly GraphUnit[],
  threads: number,
): Promise<BuiltGraph | undefined> {
  const usearch = await loadUsearch();
  if (!usearch) return undefined;
  const index = emptyIndex(usearch, kind);
  const collected = collectGraphRows();
  const batchRows = Math.max(1, Math.floor(BATCH_BYTES / (kind.dims * 4)));
  const keys = new BigUint64Array(batchRows);
  const keyWords = new Uint32Array(keys.buffer);
  const batch = new Float32Array(batchRows * kind.dims);
  let count = 0;
  let vectors = 0;
  const flush = (): void => {
    if (count > 0) index.add(keys.subarray(0, count), batch.subarray(0, count * kind.dims), threads);
    vectors += count;
    count = 0;
  };

  for (const { segment, identities, rows } of units) {
    const runs = identities.runs.map((run) => collected.run(run));
    for (let from = 0; from < segment.present.count; from += segment.shape.rows) {
      segment.vectorsFrom(from, segment.shape.rows).forEach((vector, i) => {
        const ordinal = segment.slots.ordinalOf(from + i);
        if (!hasRow(rows, ordinal)) return;
        const run = runs[identities.runIndexAt(ordinal)]!;
        const seq = identities.seqAt(ordinal);
        if (seq >= MAX_SEQUENCE) return;
        collected.add(run, seq);
        keyWords[count * 2] = seq;
        keyWords[count * 2 + 1] = run;
        batch.set(vector, count * kind.dims);
        if (++count === batchRows) flush();
      });
    }
  }
  flush();

  const file = `graph-${randomBytes(8).toString('hex')}.usearch`;
  try {
    mkdirSync(folder, { recursive: true });
    index.save(join(folder, file));
    const { sha256, bytes } = fileSha256(join(folder, file));
    writeDescription(folder, kind, { file, bytes, sha256, vectors, rows: collected.rows() });
    removeOthers(folder, file);
    return { vectors, bytes };
  } catch (cause) {
    rmSync(join(folder, file), { force: true });
    throw new HakiriError('store.io', 'A graph of vectors could not be written', { cause });
  }
}

/** Who has one of them mapped keeps it; where that keeps it from being removed, the next graph does. */
function removeOthers(folder: string, file: string): void {
  for (const name of readdirSync(folder)) {
    if (name === file || name === 'graph.json') continue;
    try {
      rmSync(join(folder, name), { force: true });
    } catch {
      // It takes room and nothing else: no description names it.
    }
  }
}
