import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HakiriError, PROVENANCE_COLUMNS, quoteIdentifier, quoteLiteral } from '@hakiri/core';
import { shortBounds } from '../convert/short-bounds.ts';
import { fileSha256 } from '../copy/file-sha256.ts';
import { type FileStatistics, readFileStatistics } from './file-statistics.ts';
import { heldColumn, type NumberedPart, partRows, ROWS_PER_PART } from './part-rows.ts';
import type { PlacedPartition } from './place-rows.ts';
import type { CompactedPart, CompactRequest } from './request.ts';
import type { CompactSession } from './session.ts';

const ROW_GROUP_ROWS = 10_240;
/** Of files that are read once more, in pieces. Smaller groups would spare little reading and cost more writing. */
const RUN_ROW_GROUP_ROWS = 8192;
/** A sort that spills needs so much, and takes so many times the rows that it could hold (measured, with room). */
const SPILL_FROM_BYTES = 200_000_000;
const SPILLED_PER_SORTED = 12;
/** Share of the memory that rows being sorted may take without spilling. */
const SORT_SHARE = { short: 0.35, long: 0.25 };
const LONG_ROW_BYTES = 2048;
/** A row in memory takes about this many times its bytes in a file before compression. */
const MEMORY_PER_FILE_BYTE = 1.7;
/** The engine works on so many rows at a time. */
const VECTOR_ROWS = 2048;
/** Level 1 is as small as 3 on sorted rows. */
const FINAL = `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, RETURN_STATS`;

export interface WrittenPart extends CompactedPart {
  readonly partition: string;
  readonly statistics: FileStatistics;
}

/**
 * Writes the rows of table `placed` as parts, sorted. What makes one part is sorted at once where the engine has
 * room to spill; otherwise the rows of newer parts, which lie anywhere, are first brought into order in files of
 * their own, a bounded number at a time, and each part is then sorted in memory.
 */
export async function gatherRows(
  session: CompactSession,
  request: CompactRequest,
  base: readonly NumberedPart[],
  newer: readonly NumberedPart[],
  partitions: readonly PlacedPartition[],
): Promise<readonly WrittenPart[]> {
  const sortRows = await sortableRows(session, request, [...base, ...newer]);
  const [only, ...others] = partitions;
  const rows = only ? only.to - only.from : 0;
  const canSpill = request.memoryLimitBytes >= SPILL_FROM_BYTES && rows <= sortRows * SPILLED_PER_SORTED;
  if (only && others.length === 0 && rows <= request.targetPartRows && (rows <= sortRows || canSpill)) {
    try {
      return await writeAtOnce(session, request, [...base, ...newer], only, sortRows);
    } catch (error) {
      // How much memory a sort needs that spills depends on more than its bytes.
      if (rows <= sortRows || !(error instanceof HakiriError && error.code === 'engine.out_of_memory'))
        throw error;
    }
  }
  const parts = partitions.flatMap((partition) =>
    cutParts(partition, Math.min(sortRows, request.targetPartRows)),
  );
  const runs = await writeRuns(session, request, newer, sortRows);
  const written: WrittenPart[] = [];
  for (const part of parts) {
    const sources = await partSources(session, request, base, part);
    const selected =
      runs.length > 0
        ? [
            `SELECT ${outputColumns(request).join(', ')}, "_hakiri_pos" FROM read_parquet([${runs.map(quoteLiteral).join(', ')}], hive_partitioning=false) WHERE "_hakiri_pos" BETWEEN ${part.from} AND ${part.to - 1}`,
          ]
        : [];
    written.push(
      await writePart(session, request, part, [...sources, ...selected].join('\nUNION ALL\n'), sortRows),
    );
  }
  return written;
}

async function writeAtOnce(
  session: CompactSession,
  request: CompactRequest,
  parts: readonly NumberedPart[],
  partition: PlacedPartition,
  sortRows: number,
): Promise<readonly WrittenPart[]> {
  const written: WrittenPart[] = [];
  for (const part of cutParts(partition, request.targetPartRows)) {
    const sources = await partSources(session, request, parts, part);
    written.push(await writePart(session, request, part, sources.join('\nUNION ALL\n'), sortRows));
  }
  return written;
}

/** Rows of a row group: fewer where they are wide, since a group is held in memory while it is made. */
function groupRows(sortRows: number): number {
  const groups = Math.floor(sortRows / 4 / VECTOR_ROWS);
  return Math.min(ROW_GROUP_ROWS, Math.max(1, groups) * VECTOR_ROWS);
}

interface PartRange {
  readonly partition: string;
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

function cutParts({ label, from, to }: PlacedPartition, maxRows: number): readonly PartRange[] {
  const count = Math.ceil((to - from) / maxRows);
  return Array.from({ length: count }, (_, i) => ({
    partition: label,
    file: join(label, `part-${String(i).padStart(5, '0')}.parquet`),
    from: from + Math.floor(((to - from) * i) / count),
    to: from + Math.floor(((to - from) * (i + 1)) / count),
  }));
}

/** Rows that can be sorted without spilling. */
async function sortableRows(
  session: CompactSession,
  { memoryLimitBytes }: CompactRequest,
  parts: readonly NumberedPart[],
): Promise<number> {
  let bytes = 0;
  for (let from = 0; from < parts.length; from += 100) {
    const files = parts.slice(from, from + 100).map(({ path }) => quoteLiteral(path));
    const [[sum = 0] = []] = await session.rows(
      `SELECT sum(total_uncompressed_size)::DOUBLE FROM parquet_metadata([${files.join(', ')}])`,
    );
    bytes += Number(sum);
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const rowBytes = Math.max(32, (bytes / Math.max(1, rows)) * MEMORY_PER_FILE_BYTE);
  const share = rowBytes > LONG_ROW_BYTES ? SORT_SHARE.long : SORT_SHARE.short;
  return Math.max(VECTOR_ROWS, Math.floor((memoryLimitBytes * share) / rowBytes));
}

/** Brings the newer winners into order: files sorted by `_hakiri_pos`. Parts without a winner are not read. */
async function writeRuns(
  session: CompactSession,
  request: CompactRequest,
  newer: readonly NumberedPart[],
  sortRows: number,
): Promise<readonly string[]> {
  const runs: string[] = [];
  for (const batch of batchesOf(await winnersOf(session, newer), sortRows)) {
    const run = join(session.folder, `run-${runs.length}.parquet`);
    const rows = joined(request, batch.parts, batch.within, `"at" BETWEEN ${batch.fromAt} AND ${batch.toAt}`);
    await session.run(
      `COPY (SELECT * FROM (${rows}) ORDER BY "_hakiri_pos") TO ${quoteLiteral(run)} (FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE ${Math.min(RUN_ROW_GROUP_ROWS, groupRows(sortRows))})`,
    );
    runs.push(run);
  }
  return runs;
}

interface PartWinners {
  readonly part: NumberedPart;
  readonly winners: number;
  /** Positions in the part of its first and last winner. */
  readonly from: number;
  readonly to: number;
}

async function winnersOf(
  session: CompactSession,
  parts: readonly NumberedPart[],
  where = 'true',
): Promise<readonly PartWinners[]> {
  const rows = await session.rows(
    `SELECT "at" // ${ROWS_PER_PART} AS "number", count(*), min("at" % ${ROWS_PER_PART}), max("at" % ${ROWS_PER_PART}) FROM placed WHERE ${where} GROUP BY "number" ORDER BY "number"`,
  );
  const byNumber = new Map(parts.map((part) => [part.number, part]));
  return rows.flatMap(([number, winners, from, to]) => {
    const part = byNumber.get(Number(number));
    return part ? [{ part, winners: Number(winners), from: Number(from), to: Number(to) }] : [];
  });
}

interface Batch {
  readonly parts: readonly NumberedPart[];
  readonly within: { readonly from: number; readonly to: number } | undefined;
  readonly fromAt: string;
  readonly toAt: string;
}

/** Small parts together, a large one in several pieces. */
function batchesOf(found: readonly PartWinners[], sortRows: number): readonly Batch[] {
  const batches: Batch[] = [];
  let gathered: PartWinners[] = [];
  const flush = (): void => {
    const [first, last] = [gathered[0], gathered.at(-1)];
    if (first && last) {
      batches.push({
        parts: gathered.map(({ part }) => part),
        within: undefined,
        fromAt: placeOf(first.part, first.from),
        toAt: placeOf(last.part, last.to),
      });
    }
    gathered = [];
  };
  for (const entry of found) {
    const held = gathered.reduce((sum, { winners }) => sum + winners, 0);
    if (held + entry.winners > sortRows) flush();
    if (entry.winners <= sortRows) gathered.push(entry);
    else batches.push(...pieces(entry, Math.ceil(entry.winners / sortRows)));
  }
  flush();
  return batches;
}

function pieces({ part, from, to }: PartWinners, count: number): readonly Batch[] {
  const rows = Math.ceil((to - from + 1) / count);
  return Array.from({ length: count }, (_, i) => {
    const within = { from: from + i * rows, to: Math.min(to, from + (i + 1) * rows - 1) };
    return { parts: [part], within, fromAt: placeOf(part, within.from), toAt: placeOf(part, within.to) };
  });
}

const placeOf = ({ number }: NumberedPart, row: number): string =>
  String(BigInt(number) * BigInt(ROWS_PER_PART) + BigInt(row));

/** What the parts hold of an output part, each read only where its rows lie. */
async function partSources(
  session: CompactSession,
  request: CompactRequest,
  parts: readonly NumberedPart[],
  { from, to }: PartRange,
): Promise<readonly string[]> {
  if (parts.length === 0) return [];
  const range = `"pos" BETWEEN ${from} AND ${to - 1}`;
  const found = await winnersOf(session, parts, range);
  // A statement each would build the join as often: parts that are read whole go together.
  const whole = found.filter((entry) => entry.from === 0 || entry.winners * 2 >= entry.part.rows);
  const cut = found.filter((entry) => !whole.includes(entry));
  return [
    ...(whole.length > 0
      ? [
          joined(
            request,
            whole.map(({ part }) => part),
            undefined,
            range,
          ),
        ]
      : []),
    ...cut.map((entry) => joined(request, [entry.part], entry, range)),
  ];
}

/** The wide rows of the winners that `where` selects of `placed`, with `_hakiri_pos`. */
function joined(
  request: CompactRequest,
  parts: readonly NumberedPart[],
  within: { readonly from: number; readonly to: number } | undefined,
  where: string,
): string {
  const rows = partRows(parts, (held) => wideColumns(request, held), within);
  return `SELECT ${outputColumns(request).join(', ')}, "_hakiri_pos" FROM (${rows}) JOIN (SELECT "at" AS "_hakiri_at", "pos" AS "_hakiri_pos" FROM placed WHERE ${where}) USING ("_hakiri_at")`;
}

/** A column that is still undecided is in the schema, not in the files. */
const decided = ({ schema }: CompactRequest) =>
  schema.columns.filter(({ type }) => type.kind !== 'undecided');

const outputColumns = (request: CompactRequest): readonly string[] =>
  [...decided(request), ...PROVENANCE_COLUMNS].map(({ name }) => quoteIdentifier(name));

const wideColumns = (request: CompactRequest, held: NumberedPart['columns']): readonly string[] => [
  ...decided(request).map(({ name, type }) => `${heldColumn(name, held, type)} AS ${quoteIdentifier(name)}`),
  ...PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name)),
];

async function writePart(
  session: CompactSession,
  request: CompactRequest,
  { partition, file, from, to }: PartRange,
  rows: string,
  sortRows: number,
): Promise<WrittenPart> {
  const path = join(request.output, file);
  await mkdir(dirname(path), { recursive: true });
  const select = `SELECT ${outputColumns(request).join(', ')} FROM (${rows}) ORDER BY "_hakiri_pos"`;
  const statistics = await readFileStatistics(
    session,
    `COPY (${select}) TO ${quoteLiteral(path)} (${FINAL}, ROW_GROUP_SIZE ${groupRows(sortRows)})`,
  );
  if (statistics.rows !== to - from)
    throw new Error(`A part holds ${statistics.rows} rows instead of ${to - from}`);
  return {
    partition,
    file,
    rows: statistics.rows,
    bytes: statistics.bytes,
    sha256: await fileSha256(path),
    keyRange: shortBounds(statistics.columns.get(quoteIdentifier(request.primaryKey[0] ?? ''))),
    statistics,
  };
}
