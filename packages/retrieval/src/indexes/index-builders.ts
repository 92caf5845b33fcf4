import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { IndexSpec, TextIndexSpec, VectorIndexSpec } from '@hakiri/core';
import { createTextSegmentBuilder } from '../text/index.ts';
import { createVectorSegmentWriter } from '../vector/index.ts';
import { joinedText, placesAmong, textSources } from './column-text.ts';
import { indexId } from './definition.ts';
import type { DocumentVectors } from './document-vectors.ts';
import { createFileSink, type FileSink } from './file-sink.ts';
import { type IndexFile, indexFolder, ROWS_ID } from './index-manifest.ts';
import type { IndexedPart } from './indexed-table.ts';
import type { ReadRow } from './read-rows.ts';
import { createRowsWriter } from './rows-file.ts';

/** Makes the files of one index for one part, row after row. */
export interface PartBuilder {
  /** Of the index, or that of the rows. */
  readonly id: string;
  /** @returns false when it cannot go on: texts that nobody has embedded yet */
  add(rows: readonly ReadRow[]): boolean;
  finish(): readonly IndexFile[];
  abandon(): void;
}

/** Words held at a time by each column: 16 MB. */
const BATCH_WORDS = 1_000_000;

/** A file that is not there yet, whatever was made before: whoever reads the old one is not disturbed. */
export function newFile(part: string, id: string, ending: string): { name: string; file: FileSink } {
  const folder = indexFolder(part, id);
  mkdirSync(folder, { recursive: true });
  const stem = basename(part, '.parquet');
  for (let times = 0; ; times++) {
    const name = `${stem}${times === 0 ? '' : `~${times}`}${ending}`;
    if (!existsSync(join(folder, name))) return { name, file: createFileSink(join(folder, name)) };
  }
}

export function rowsBuilder(part: IndexedPart, keyed: boolean): PartBuilder {
  const { name, file } = newFile(part.path, ROWS_ID, '.rows');
  const writer = createRowsWriter({ rows: part.rows, keyed }, file.sink);
  return {
    id: ROWS_ID,
    add(rows) {
      for (const { run, seq, key } of rows) writer.add(run, seq, keyed ? JSON.stringify(key) : '');
      return true;
    },
    finish() {
      writer.finish();
      return [{ name, ...file.finish() }];
    },
    abandon: file.abandon,
  };
}

/** @param specs all whose texts are read, in the order of `textSources` */
export function indexBuilder(
  part: IndexedPart,
  spec: IndexSpec,
  specs: readonly IndexSpec[],
  vectors: DocumentVectors,
): PartBuilder {
  const places = placesAmong(textSources(specs), spec);
  return spec.kind === 'fts' ? textBuilder(part, spec, places) : vectorBuilder(part, spec, places, vectors);
}

function textBuilder(part: IndexedPart, spec: TextIndexSpec, places: readonly number[]): PartBuilder {
  const id = indexId(spec);
  const builders = places.map(() =>
    createTextSegmentBuilder({ analyzer: spec.analyzer, batchWords: BATCH_WORDS }),
  );
  let ordinal = 0;
  return {
    id,
    add(rows) {
      for (const { texts } of rows) {
        builders.forEach((builder, i) => {
          builder.add(ordinal, texts[places[i]!] ?? null);
        });
        ordinal++;
      }
      return true;
    },
    finish: () =>
      builders.map((builder, i) => {
        const pieces = builder.finish(part.rows);
        return writeTextFile(part.path, id, i, pieces);
      }),
    abandon() {},
  };
}

export function writeTextFile(
  part: string,
  id: string,
  column: number,
  pieces: Iterable<Uint8Array>,
): IndexFile {
  const { name, file } = newFile(part, id, `.${column}.text`);
  try {
    for (const piece of pieces) file.sink(piece);
    return { name, ...file.finish() };
  } catch (error) {
    file.abandon();
    throw error;
  }
}

function vectorBuilder(
  part: IndexedPart,
  spec: VectorIndexSpec,
  places: readonly number[],
  vectors: DocumentVectors,
): PartBuilder {
  const id = indexId(spec);
  const { name, file } = newFile(part.path, id, '.vec');
  const writer = createVectorSegmentWriter({ ...spec, rows: part.rows }, file.sink);
  return {
    id,
    add(rows) {
      const texts = rows.map((row) => joinedText(places.map((i) => row.texts[i] ?? null)));
      for (const vector of vectors.of(spec, texts)) {
        if (vector === undefined) return false;
        writer.addStored(vector ?? undefined);
      }
      return true;
    },
    finish() {
      writer.finish();
      return [{ name, ...file.finish() }];
    },
    abandon: file.abandon,
  };
}
