import {
  type Address,
  type Grant,
  isHakiriError,
  parseAddress,
  type TableDescription,
  tableAddress,
} from '@hakiri/core';
import {
  type CompleteResult,
  type ListResourcesResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  type ResourceTemplateType,
} from '@modelcontextprotocol/server';
import { audited } from '../caller/audited.ts';
import { seenTables } from '../caller/visible-pipelines.ts';
import type { RunSummary, ServerServices } from '../services.ts';
import { cleanValue } from './clean-text.ts';
import { citationJson } from './tools/citation.ts';
import { UNTRUSTED } from './untrusted.ts';

const PAGE = 100;
/** Of what is read at once. */
const MOST_BYTES = 1_000_000;
const JSON_TYPE = 'application/json';

/** The tables, in order of their names. Rows and runs are too many to list: templates say how they are called. */
export async function listResources(
  { serve, project }: ServerServices,
  grant: Grant,
  cursor: string | undefined,
): Promise<ListResourcesResult> {
  const names = (await serve.tables(grant)).map(({ name }) => name).sort();
  const after = cursor === undefined ? '' : readCursor(cursor);
  const left = names.filter((name) => name > after);
  const page = left.slice(0, PAGE);
  const last = page.at(-1);
  return {
    resources: page.map((name) => ({
      uri: tableAddress(project, name),
      name,
      description: 'A table: its columns, indexes and freshness.',
      mimeType: JSON_TYPE,
    })),
    ...(last === undefined || left.length <= PAGE
      ? {}
      : { nextCursor: Buffer.from(last).toString('base64url') }),
  };
}

function readCursor(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(name).toString('base64url') === cursor && name !== '') return name;
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The cursor is none that this server gave out.');
}

export function resourceTemplates(project: string): ResourceTemplateType[] {
  const base = `hakiri://${encodeURIComponent(project)}`;
  return [
    {
      uriTemplate: `${base}/tables/{table}`,
      name: 'table',
      title: 'Table',
      description: 'A table: its columns, indexes and freshness.',
      mimeType: JSON_TYPE,
    },
    {
      uriTemplate: `${base}/tables/{table}/rows/{key}`,
      name: 'row',
      title: 'Row',
      description:
        "One row, by the JSON array of its key columns' values: what the address of a citation names.",
      mimeType: JSON_TYPE,
    },
    {
      uriTemplate: `${base}/runs/{run}`,
      name: 'run',
      title: 'Run',
      description: 'Where the rows of a run came from: pipeline, connector, author, times.',
      mimeType: JSON_TYPE,
    },
  ];
}

/** @throws ProtocolError where nothing has that address, HakiriError where the reading fails */
export async function readResource(
  services: ServerServices,
  grant: Grant,
  uri: string,
): Promise<ReadResourceResult> {
  const address = parseAddress(uri);
  if (address === undefined || address.project !== services.project) throw new ResourceNotFoundError(uri);
  const read = await readAddress(services, grant, address).catch((error: unknown) => {
    const code = isHakiriError(error) ? error.code : undefined;
    if (code === 'query.unknown_table' || code === 'usage.unknown_name') throw new ResourceNotFoundError(uri);
    throw error;
  });
  if (read === undefined) throw new ResourceNotFoundError(uri);
  const text = JSON.stringify(cleanValue({ notice: UNTRUSTED, ...read }));
  if (Buffer.byteLength(text) > MOST_BYTES) {
    throw new ProtocolError(ProtocolErrorCode.InternalError, `It is larger than ${MOST_BYTES} bytes`, {
      code: 'query.too_large',
      hint: 'Read columns of it with context_get.',
    });
  }
  return { contents: [{ uri, mimeType: JSON_TYPE, text }] };
}

async function readAddress(
  services: ServerServices,
  grant: Grant,
  address: Address,
): Promise<object | undefined> {
  const { serve } = services;
  switch (address.kind) {
    case 'table':
      return { table: tableJson(await serve.describe(address.table, grant)) };
    case 'row': {
      const [row] = await serve.get({ table: address.table, keys: [address.key] }, grant);
      return row && { row: row.values, citation: citationJson(row.citation) };
    }
    case 'run': {
      const run = await visibleRun(services, grant, address.run);
      if (run === undefined) return undefined;
      const { startedAt, committedAt, ...rest } = run;
      return { run: { ...rest, started_at: startedAt, committed_at: committedAt } };
    }
  }
}

/** Of a table that is seen; how many rows it brought is told to whoever sees all of them. */
function visibleRun(
  services: ServerServices,
  grant: Grant,
  id: string,
): Promise<Omit<RunSummary, 'rows'> | undefined> {
  return audited(services.audit, { action: 'run_read', grant, target: id }, async () => {
    const seen = await seenTables(services, grant);
    const run = await services.runs.find(id);
    if (seen === undefined || run === undefined) return run;
    if (!seen.has(run.table)) return undefined;
    const { rows: _, ...rest } = run;
    return seen.get(run.table) === true ? run : rest;
  });
}

/** Without examples: a description of the table is asked for, not rows of it. */
function tableJson(table: TableDescription): object {
  return {
    name: table.name,
    description: table.description,
    rows: table.rows,
    mode: table.mode,
    primary_key: table.primaryKey,
    columns: table.columns.map(({ name, type, key, hint }) => ({ name, type, key, hint })),
    indexes: table.indexes.map(({ name, kind, columns, rowsBehind }) => ({
      name,
      kind,
      columns,
      rows_behind: rowsBehind,
    })),
    last_commit: table.lastCommit,
    age_ms: table.ageMs,
  };
}

const MOST_COMPLETIONS = 100;

/** Completes names of tables; keys and runs are not guessed. */
export async function completeAddress(
  { serve }: ServerServices,
  grant: Grant,
  argument: { readonly name: string; readonly value: string },
): Promise<CompleteResult> {
  if (argument.name !== 'table') return { completion: { values: [], total: 0, hasMore: false } };
  const names = (await serve.tables(grant))
    .map(({ name }) => name)
    .filter((name) => name.startsWith(argument.value))
    .sort();
  return {
    completion: {
      values: names.slice(0, MOST_COMPLETIONS),
      total: names.length,
      hasMore: names.length > MOST_COMPLETIONS,
    },
  };
}
