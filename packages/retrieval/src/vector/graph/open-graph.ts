import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '@hakiri/core';
import type { RowIdentities } from '../../indexes/opened-table.ts';
import type { RowSet } from '../../sets/row-set.ts';
import type { VectorKind } from '../vector-segment.ts';
import { descriptionPath, fileSha256, readDescription } from './graph-description.ts';
import { rowsInGraph } from './graph-rows.ts';
import { emptyIndex, loadUsearch } from './load-usearch.ts';

/** A graph over the vectors of a table as it was when the graph was made. */
export interface Graph {
  readonly vectors: number;
  /** Vectors about nearest to the query, of length 1; the score is about the cosine. */
  nearest(query: Float32Array, k: number): readonly GraphHit[];
  /** Which rows of a part it holds. */
  holds(identities: RowIdentities): RowSet;
}

export interface GraphHit {
  readonly run: RunId;
  readonly seq: number;
  readonly score: number;
}

/** Why there is none to ask. */
export type NoGraph =
  | 'no graph yet'
  | 'the graph is damaged or old'
  | 'no engine for graphs on this platform';

interface Opened {
  /** What tells one `graph.json` from the next. */
  readonly stamp: string;
  readonly graph: Graph | NoGraph;
}

/** By folder, the one used longest ago first. */
const opened = new Map<string, Opened>();
const MAX_OPENED = 64;

/** The graph in a folder, checked whole when it is first opened. Opened once, until another takes its place. */
export async function openGraph(folder: string, kind: VectorKind): Promise<Graph | NoGraph> {
  const stamp = stampOf(folder);
  const known = opened.get(folder);
  const graph =
    known?.stamp === stamp ? known.graph : stamp === '' ? 'no graph yet' : await checked(folder, kind);
  opened.delete(folder);
  opened.set(folder, { stamp, graph });
  const [oldest] = opened.keys();
  if (opened.size > MAX_OPENED && oldest !== undefined) opened.delete(oldest);
  return graph;
}

function stampOf(folder: string): string {
  const stat = statSync(descriptionPath(folder), { throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : '';
}

async function checked(folder: string, kind: VectorKind): Promise<Graph | NoGraph> {
  const usearch = await loadUsearch();
  if (!usearch) return 'no engine for graphs on this platform';
  const description = readDescription(folder, kind);
  if (!description) return 'the graph is damaged or old';
  const path = join(folder, description.file);
  const index = emptyIndex(usearch, kind);
  try {
    const { sha256, bytes } = fileSha256(path);
    if (sha256 !== description.sha256 || bytes !== description.bytes) return 'the graph is damaged or old';
    // It maps the file and believes it: hence the checks before, and of what it then says of itself.
    index.view(path);
    if (Number(index.size()) !== description.vectors || Number(index.dimensions()) !== kind.dims) {
      return 'the graph is damaged or old';
    }
  } catch {
    return 'the graph is damaged or old';
  }

  const { runs } = description.rows;
  const held = new WeakMap<RowIdentities, RowSet>();
  return {
    vectors: description.vectors,
    nearest(query, k) {
      const { keys, distances } = index.search(query, Math.min(k, description.vectors), 1);
      const words = new Uint32Array(keys.buffer, keys.byteOffset, keys.length * 2);
      const hits: GraphHit[] = [];
      for (let i = 0; i < keys.length; i++) {
        const run = runs[words[i * 2 + 1]!];
        if (run !== undefined) hits.push({ run, seq: words[i * 2]!, score: 1 - distances[i]! });
      }
      return hits;
    },
    holds(identities) {
      const known = held.get(identities);
      if (known) return known;
      const rows = rowsInGraph(description.rows, identities);
      held.set(identities, rows);
      return rows;
    },
  };
}
