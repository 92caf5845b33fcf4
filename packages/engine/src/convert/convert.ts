import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError } from '@hakiri/core';
import type { ConvertInput, ConvertRequest, ConvertResult, Misfit } from '../protocol.ts';
import { csvDelimiter } from './csv-delimiter.ts';
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
        return { ...outcome.written, sha256: await sha256(request.output), misfits };
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
  const delimited =
    input.kind === 'file' && input.format === 'csv'
      ? { ...input, delimiter: await csvDelimiter(input.path) }
      : input;
  const outcome = await tryConvert(connection, { ...request, input: delimited });
  if (outcome.kind === 'written') {
    return { ...outcome.written, sha256: await sha256(request.output), misfits: [] };
  }
  if (outcome.kind === 'null_key' && input.kind === 'file') {
    throw new HakiriError('record.null_key', `${input.path}: ${outcome.error.message}`, {
      hint: 'Give every row of the file a key, or choose another primary_key; nothing of the file was taken.',
      details: { path: input.path },
    });
  }
  if (outcome.kind === 'null_key') throw outcome.error;
  throw input.kind === 'file' ? await fileError(outcome.cause, input.path, input.format) : outcome.error;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
