import type { IndexSpec, TableSchema } from '@hakiri/core';
import { mergeTextSegments, type TextSegment } from '../text/index.ts';
import { gatherVectors, type VectorSegment } from '../vector/index.ts';
import { buildPart, rowsOfPart } from './build-job.ts';
import type { BuildPart, BuiltPart, IndexBuildAnswer } from './build-request.ts';
import type { Connection } from './connection.ts';
import { indexId } from './definition.ts';
import { openDocumentVectors } from './document-vectors.ts';
import { newFile, rowsBuilder, writeTextFile } from './index-builders.ts';
import { stopsCommit } from './index-error.ts';
import { type IndexFile, ROWS_ID } from './index-manifest.ts';
import type { IndexedPart } from './indexed-table.ts';
import type { RowIdentities } from './opened-table.ts';
import { openPart, type PartSegments } from './part-segments.ts';
import { createPlaces } from './places.ts';
import { readRows } from './read-rows.ts';

/**
 * Makes the indexes of parts out of those of the parts that their rows come from (job `index-merge`); nothing is
 * analysed or embedded again where every source has its segment.
 */
export interface IndexMergeRequest {
  readonly parts: readonly (IndexedPart & { readonly columns: TableSchema })[];
  /** They hold every row of the parts. */
  readonly sources: readonly IndexedPart[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly IndexSpec[];
  readonly embeddings: string;
}

interface Source {
  readonly part: IndexedPart;
  readonly open: PartSegments;
  readonly identities: RowIdentities;
}

/** Where the rows of sources go in the part that is made. */
interface Moves {
  /** Whether every row was found. */
  readonly isWhole: boolean;
  readonly from: readonly { readonly source: Source; readonly newOrdinal: Int32Array }[];
}

/** @throws HakiriError store.disk_full, store.io */
export async function indexMergeJob(
  connection: Connection,
  request: IndexMergeRequest,
): Promise<IndexBuildAnswer> {
  const { primaryKey, indexes } = request;
  const vectors = openDocumentVectors(request.embeddings);
  const opened = request.sources.map((part) => ({ part, open: openPart(part) }));
  try {
    const sources = opened.flatMap(({ part, open }): Source[] => {
      const identities = orUndefined(() => open.identities());
      return identities ? [{ part, open, identities }] : [];
    });
    const places = createPlaces();
    for (const { identities } of sources) places.add(identities);
    const parts: BuiltPart[] = [];
    for (const part of request.parts) {
      const { files, moves } = await moveRows(connection, part, primaryKey, sources, places.find);
      const built: { id: string; files: readonly IndexFile[] }[] = [{ id: ROWS_ID, files }];
      const others: string[] = [];
      for (const spec of indexes) {
        const merged = moves.isWhole ? merge(part, spec, moves) : undefined;
        if (merged) built.push({ id: indexId(spec), files: merged });
        else others.push(indexId(spec));
      }
      const rest: BuildPart = { ...part, wants: others };
      const made = others.length > 0 ? await buildPart(connection, request, rest, vectors) : undefined;
      parts.push({
        path: part.path,
        rows: part.rows,
        built: [...built, ...(made?.built ?? [])],
        behind: made?.behind ?? [],
      });
    }
    return { parts };
  } finally {
    vectors.close();
    for (const { open } of opened) open.close();
  }
}

/** Writes the part's rows, and finds where each of them was. */
async function moveRows(
  connection: Connection,
  part: IndexMergeRequest['parts'][number],
  primaryKey: readonly string[],
  sources: readonly Source[],
  find: ReturnType<typeof createPlaces>['find'],
): Promise<{ readonly files: readonly IndexFile[]; readonly moves: Moves }> {
  const moved: (Int32Array | undefined)[] = sources.map(() => undefined);
  const rows = rowsBuilder(part, primaryKey.length > 0);
  let isWhole = true;
  let ordinal = 0;
  try {
    for await (const chunk of readRows(connection, rowsOfPart(part, primaryKey, []))) {
      rows.add(chunk);
      for (const { run, seq } of chunk) {
        const place = isWhole ? find(run, seq) : undefined;
        if (place === undefined) isWhole = false;
        else {
          const to = moved[place.added] ?? new Int32Array(sources[place.added]!.part.rows).fill(-1);
          moved[place.added] = to;
          to[place.ordinal] = ordinal;
        }
        ordinal++;
      }
    }
    const from = sources.flatMap((source, i) => {
      const newOrdinal = moved[i];
      return newOrdinal ? [{ source, newOrdinal }] : [];
    });
    return { files: rows.finish(), moves: { isWhole, from } };
  } catch (error) {
    rows.abandon();
    throw error;
  }
}

/** Undefined where a source has no segment, or a damaged one: then it is built from the part. */
function merge(part: IndexedPart, spec: IndexSpec, { from }: Moves): readonly IndexFile[] | undefined {
  const files = orUndefined(() => {
    const segments = from.map(({ source }) => source.open.of(spec));
    if (segments.length === 0 || segments.includes(undefined)) return undefined;
    if (spec.kind === 'fts')
      return mergeTexts(part, indexId(spec), segments as (readonly TextSegment[])[], from);
    const { name, file } = newFile(part.path, indexId(spec), '.vec');
    try {
      const sources = from.map(({ newOrdinal }, i) => ({
        segment: segments[i] as VectorSegment,
        newOrdinal,
      }));
      gatherVectors({ ...spec, rows: part.rows }, sources, file.sink);
      return [{ name, ...file.finish() }];
    } catch (error) {
      file.abandon();
      throw error;
    }
  });
  return files;
}

function mergeTexts(
  part: IndexedPart,
  id: string,
  segments: readonly (readonly TextSegment[])[],
  from: Moves['from'],
): readonly IndexFile[] {
  return (segments[0] ?? []).map((_, column) => {
    const sources = from.map(({ newOrdinal }, i) => ({ segment: segments[i]![column]!, newOrdinal }));
    return writeTextFile(part.path, id, column, mergeTextSegments(sources, part.rows));
  });
}

function orUndefined<T>(work: () => T | undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    if (stopsCommit(error)) throw error;
    return undefined;
  }
}
