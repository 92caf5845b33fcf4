import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '@hakiri/core';
import type { VectorKind } from '../vector-segment.ts';
import type { GraphRows } from './graph-rows.ts';
import { USEARCH_VERSION } from './load-usearch.ts';

const FORMAT = 1;
const FILE_NAME = /^graph-[0-9a-f]{16}\.usearch$/;

/** What `graph.json` says of the file beside it. Written last: until then the graph before it counts. */
export interface GraphDescription {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Vectors in it. */
  readonly vectors: number;
  readonly rows: GraphRows;
}

type Body = Omit<GraphDescription, 'rows'> &
  Pick<VectorKind, 'model' | 'dims' | 'metric'> & {
    readonly format: number;
    readonly engine: string;
    readonly version: string;
    readonly runs: readonly { readonly run: RunId; readonly sequences: string }[];
  };

type Written = Body & { readonly check: string };

export const descriptionPath = (folder: string): string => join(folder, 'graph.json');

export function writeDescription(
  folder: string,
  kind: VectorKind,
  { rows, ...description }: GraphDescription,
): void {
  const body: Body = {
    format: FORMAT,
    engine: 'usearch',
    version: USEARCH_VERSION,
    model: kind.model,
    dims: kind.dims,
    metric: kind.metric,
    ...description,
    runs: rows.runs.map((run, i) => ({ run, sequences: toBase64(rows.sequences[i]!) })),
  };
  const path = descriptionPath(folder);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify({ ...body, check: digest(body) }));
  renameSync(temporary, path);
}

/** Undefined where there is none that is whole, of this format and engine, and of these vectors. */
export function readDescription(folder: string, kind: VectorKind): GraphDescription | undefined {
  try {
    // What the digest fits was written below, so it is of that form.
    const { check, ...body } = JSON.parse(readFileSync(descriptionPath(folder), 'utf8')) as Written;
    const fits =
      check === digest(body) &&
      body.format === FORMAT &&
      body.engine === 'usearch' &&
      body.version === USEARCH_VERSION &&
      body.model === kind.model &&
      body.dims === kind.dims &&
      body.metric === kind.metric &&
      FILE_NAME.test(body.file);
    if (!fits) return undefined;
    const { file, bytes, sha256, vectors, runs } = body;
    const sequences = runs.map((run) => fromBase64(run.sequences));
    return { file, bytes, sha256, vectors, rows: { runs: runs.map(({ run }) => run), sequences } };
  } catch {
    return undefined;
  }
}

const digest = (body: Omit<Written, 'check'>): string =>
  createHash('sha256').update(JSON.stringify(body)).digest('hex');

function toBase64(words: Uint32Array): string {
  let end = words.length;
  while (end > 0 && words[end - 1] === 0) end--;
  return Buffer.from(words.buffer, words.byteOffset, end * 4).toString('base64');
}

const fromBase64 = (text: string): Uint32Array =>
  new Uint32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);

const PIECE_BYTES = 4 << 20;

export function fileSha256(path: string): { readonly sha256: string; readonly bytes: number } {
  const hash = createHash('sha256');
  const piece = new Uint8Array(PIECE_BYTES);
  const file = openSync(path, 'r');
  let bytes = 0;
  try {
    while (true) {
      const read = readSync(file, piece, 0, PIECE_BYTES, bytes);
      if (read === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(piece.subarray(0, read));
      bytes += read;
    }
  } finally {
    closeSync(file);
  }
}
