import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError } from '@hakiri/core';
import { engineErrorKind } from '../child/map-error.ts';
import type { ConvertInput, ConvertRequest, Misfit } from '../protocol.ts';
import { objectSize } from './convert-statement.ts';
import { findMisfits } from './find-misfits.ts';
import { copyBytes, lineOffsets, malformedLines } from './spool-lines.ts';
import { type Outcome, tryConvert } from './try-convert.ts';

interface Located {
  readonly line: number;
  readonly column: string | undefined;
  readonly expected: string | undefined;
  readonly reason: Misfit['reason'];
}

/** Which lines made a conversion fail. Empty when the failure was not about any line. */
export async function locateMisfits(
  connection: DuckDBConnection,
  request: ConvertRequest,
  input: ConvertInput & { kind: 'records' },
  outcome: Exclude<Outcome, { kind: 'written' }>,
): Promise<readonly Located[]> {
  if (outcome.kind === 'failed' && outcome.error.code !== 'engine.failed') return [];
  if (outcome.kind === 'failed') {
    const malformed = await malformedLines(input.path);
    if (malformed.length > 0) {
      return malformed.map((line) => ({ line, column: undefined, expected: undefined, reason: 'malformed' }));
    }
    const misfits = await findMisfits(
      connection,
      input.path,
      input.schema,
      objectSize(input.largestRecordBytes),
    );
    if (misfits.length > 0) return misfits.map((misfit) => ({ ...misfit, reason: 'type' }));
  }
  return bisect(connection, request, input);
}

/** Most lines that are looked for one by one; a transform that fails on more is wrong as a whole. */
const MAX_BISECTED = 200;

/** Lines whose row fails in a transform or comes out without a key, found by converting ever smaller pieces. */
async function bisect(
  connection: DuckDBConnection,
  request: ConvertRequest,
  input: ConvertInput & { kind: 'records' },
): Promise<readonly Located[]> {
  const probe = `${request.output}.probe`;
  const piece = `${request.output}.piece`;
  const offsets = await lineOffsets(input.path);
  const located: Located[] = [];
  const search = async (from: number, to: number): Promise<void> => {
    await copyBytes(input.path, piece, offsets[from] ?? 0, offsets[to] ?? 0);
    const outcome = await tryConvert(connection, {
      ...request,
      output: probe,
      input: { ...input, path: piece },
    });
    if (outcome.kind === 'written') return;
    if (to - from === 1) {
      located.push(locatedAt(from, outcome));
      if (located.length > MAX_BISECTED) throw tooMany(outcome);
      return;
    }
    const middle = (from + to) >> 1;
    await search(from, middle);
    await search(middle, to);
  };
  try {
    await search(0, offsets.length - 1);
  } finally {
    await Promise.all([rm(probe, { force: true }), rm(piece, { force: true })]);
  }
  return located;
}

function locatedAt(line: number, outcome: Exclude<Outcome, { kind: 'written' }>): Located {
  return outcome.kind === 'null_key'
    ? { line, column: undefined, expected: undefined, reason: 'null_key' }
    : { line, column: undefined, expected: engineErrorKind(String(outcome.cause)), reason: 'transform' };
}

function tooMany(outcome: Exclude<Outcome, { kind: 'written' }>): HakiriError {
  if (outcome.kind === 'null_key') return outcome.error;
  return new HakiriError(
    'transform.invalid',
    `A transform fails on more than ${MAX_BISECTED} records of a batch (${engineErrorKind(String(outcome.cause))})`,
    { cause: outcome.cause, hint: 'Use try_cast, or filter those records out first.' },
  );
}
