import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { findColumn, HakiriError, typeName } from '@hakiri/core';
import { preparedSchema } from '../child/logical-from-duckdb.ts';
import { fileSha256 } from '../copy/file-sha256.ts';
import type { ConvertInput, ConvertRequest, ConvertResult, Misfit } from '../protocol.ts';
import { readFile } from './convert-statement.ts';
import { csvDelimiter } from './csv-delimiter.ts';
import { misfitColumn } from './exact-cast.ts';
import { fileError } from './file-error.ts';
import { locateMisfits } from './locate-misfits.ts';
import { dropLines } from './spool-lines.ts';
import { tryConvert } from './try-convert.ts';

/** Rounds of setting misfits aside before the whole spool is judged unreadable. */
const MAX_ROUNDS = 4;

/** Writes one part. Records that do not fit are found and left out, and everything else is written. */
export async function convert(connection: DuckDBConnection, request: ConvertRequest): Promise<ConvertResult> {
  if (request.input.kind === 'file') return convertFile(connection, request);
  let input: ConvertInput & { kind: 'records' } = request.input;
  const misfits: Misfit[] = [];
  const scratch: string[] = [];
  try {
    for (let round = 0; ; round++) {
      const outcome = await tryConvert(connection, { ...request, input });
      if (outcome.kind === 'written') {
        return { ...outcome.written, sha256: await fileSha256(request.output), misfits };
      }
      const bad = round < MAX_ROUNDS ? await locateMisfits(connection, request, input, outcome) : [];
      if (bad.length === 0) throw outcome.error;
      const next = `${request.output}.spool-${round}`;
      scratch.push(next);
      const dropped = await dropLines(input.path, next, new Set(bad.map(({ line }) => line)));
      for (const { line, column, expected, reason } of bad) {
        misfits.push({
          column,
          expected,
          reason,
          record: (dropped.get(line) ?? Buffer.alloc(0)).toString('base64'),
        });
      }
      input = { ...input, path: next };
    }
  } finally {
    await Promise.all(scratch.map((path) => rm(path, { force: true })));
  }
}

async function convertFile(connection: DuckDBConnection, request: ConvertRequest): Promise<ConvertResult> {
  const { input } = request;
  const outcome = await tryConvert(connection, { ...request, input: await asFound(connection, input) });
  if (outcome.kind === 'written') {
    return { ...outcome.written, sha256: await fileSha256(request.output), misfits: [] };
  }
  if (outcome.kind === 'null_key' && input.kind === 'file') {
    throw new HakiriError('record.null_key', `${input.path}: ${outcome.error.message}`, {
      hint: 'Give every row of the file a key, or choose another primary_key; nothing of the file was taken.',
      details: { path: input.path },
    });
  }
  if (outcome.kind === 'null_key') throw outcome.error;
  const column = misfitColumn(outcome.cause);
  if (column !== undefined && input.kind === 'file') throw misfitOf(input, column);
  throw input.kind === 'file' ? await fileError(outcome.cause, input.path, input.format) : outcome.error;
}

/** The input with what only the file itself can tell: its delimiter, and the types it has. */
async function asFound(connection: DuckDBConnection, input: ConvertInput): Promise<ConvertInput> {
  if (input.kind !== 'file') return input;
  const { path, format } = input;
  const delimiter = format === 'csv' ? { delimiter: await csvDelimiter(path) } : {};
  try {
    const prepared = await connection.prepare(`SELECT * FROM ${readFile(path, format, delimiter.delimiter)}`);
    return { ...input, ...delimiter, found: preparedSchema(prepared) };
  } catch (error) {
    throw await fileError(error, path, format);
  }
}

function misfitOf({ path, schema }: ConvertInput & { kind: 'file' }, column: string): HakiriError {
  const type = findColumn(schema, column)?.type;
  return new HakiriError(
    'record.type_conflict',
    `${path}: a value of column ${column} does not fit ${type === undefined ? 'its type' : typeName(type)}`,
    {
      hint: 'Correct the file, or declare a wider type for the column; nothing of the file was taken.',
      details: { path, column },
    },
  );
}
