import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Answer,
  type Citations,
  type FoundRow,
  type Grant,
  isHakiriError,
  type JsonValue,
  type Memory,
  type QueryPlan,
  type QueryRequest,
  type RunId,
  type Serve,
  type TableDescription,
  type TableSummary,
} from '@hakiri/core';
import { createMemory } from '../../../src/memory/index.ts';
import { realClock } from '../../serve/support/world.ts';
import type { Question } from './questions.ts';
import { EVENTS } from './scene.ts';

/** A serve, and what differs from one store to the other. */
export interface Side {
  readonly serve: Serve;
  readonly grant: Grant;
  /** That a step in the history of the seen store made; undefined where it made none here. */
  runAt(place: number): RunId | undefined;
  /** Of tables whose rows have no key that tells them. */
  readonly isNamed: (table: string) => boolean;
  /** Whether the column that says when a row was written at its source is served. */
  readonly isTimed: (table: string) => boolean;
  readonly folder: string;
}

export type Told =
  | { readonly said: unknown; readonly error?: never }
  | { readonly said?: never; readonly error: { code: string; message: string; hint: string | undefined } };

/** All that the one who asks is told, but times, and names of runs and files. */
export async function told(side: Side, question: Question): Promise<Told> {
  try {
    return { said: await ask(side, question) };
  } catch (error) {
    if (!isHakiriError(error)) throw error;
    const { code, message, hint } = error;
    return { error: { code, message: message.replace(RUN, '<run>'), hint } };
  }
}

const RUN = /\b[0-9A-HJKMNP-TV-Z]{26}\b/g;

async function ask(side: Side, question: Question): Promise<unknown> {
  const { serve, grant } = side;
  switch (question.kind) {
    case 'query': {
      const run = question.asOf === undefined ? undefined : side.runAt(question.asOf);
      const asOf = run === undefined ? {} : { asOf: { run } };
      return answerTold(side, await walk(side, { ...question.request, ...asOf }), question.isOrdered);
    }
    case 'aggregates': {
      const { columns, rows } = await serve.query({ sql: question.sql }, grant);
      return { columns: columns.map(({ type }) => type), rows };
    }
    case 'get': {
      const [table = ''] = question.about;
      const { keys, select } = question;
      const rows = await serve.get({ table, keys, ...(select === undefined ? {} : { select }) }, grant);
      return rows.map((row) => rowTold(side, row));
    }
    case 'get-named': {
      const { citations } = await serve.query({ table: EVENTS, cite: true }, grant);
      const cited = citations?.kind === 'rows' ? citations.rows.flat() : [];
      if (new Set(cited.map(({ key }) => JSON.stringify(key))).size < cited.length)
        return 'two rows have the same name';
      const rows = await serve.get({ table: EVENTS, keys: cited.map(({ key }) => key) }, grant);
      return rows.map((row) => JSON.stringify(rowTold(side, row))).sort();
    }
    case 'export': {
      const output = join(side.folder, 'exported');
      const { rows } = await serve.export(
        { kind: 'rows', rows: question.rows, format: question.format, output },
        grant,
      );
      const lines = readFileSync(output, 'utf8').split('\n');
      return { rows, lines: question.isOrdered ? lines : lines.sort() };
    }
    case 'memory': {
      const { items } = await memoryOf(serve).search(question.search, grant);
      const said = items.map(({ citation, ...item }) => ({
        ...item,
        citation: citationTold(side, citation),
      }));
      // Without a text nothing says which of those written at the same moment comes first.
      return question.search.text === undefined ? said.length : said;
    }
    case 'describe': {
      const [table = ''] = question.about;
      return descriptionTold(side, await serve.describe(table, grant));
    }
    case 'tables':
      return (await serve.tables(grant)).map(summaryTold);
  }
}

function memoryOf(serve: Serve): Memory {
  const never = async (): Promise<never> => {
    throw new Error('nothing is written here');
  };
  return createMemory({ serve, clock: realClock, newId: () => '', withWriter: never, erase: never });
}

/** Every page, each told by itself. */
async function walk({ serve, grant }: Side, request: QueryRequest): Promise<readonly Answer[]> {
  const pages: Answer[] = [];
  for (let next: string | undefined, page = 0; page === 0 || next !== undefined; page++) {
    const answer: Answer = await serve.query(next === undefined ? request : { ...request, next }, grant);
    pages.push(answer);
    next = answer.next;
  }
  return pages;
}

function answerTold(side: Side, pages: readonly Answer[], isOrdered: boolean): unknown {
  const [first] = pages;
  const told = pages.map(({ rows, truncated, citations, next }) => ({
    rows,
    truncated,
    isContinued: next !== undefined,
    citations: citations && citationsTold(side, citations, isOrdered),
  }));
  const rows = (pages.flatMap((page) => page.rows) as JsonValue[]).map((row) => JSON.stringify(row)).sort();
  return {
    columns: first?.columns,
    pages: isOrdered
      ? told
      : // Which rows come first is nobody's promise; that all of them come, is.
        told.map((page) => ({ ...page, rows: page.rows.length })),
    ...(isOrdered ? {} : { rows }),
    plan: first?.plan && planTold(first.plan),
    freshness: first?.freshness?.map(({ table, indexes }) => ({ table, indexes })),
  };
}

function citationsTold(side: Side, citations: Citations, isOrdered: boolean): unknown {
  if (citations.kind === 'tables') {
    return citations.tables.map(({ table, runs, predicate, rowsRead, address }) => ({
      table,
      predicate,
      rowsRead,
      address,
      hasRuns: runs !== undefined,
    }));
  }
  const rows = citations.rows.map((row) =>
    row.map((citation) => JSON.stringify(citationTold(side, citation))).sort(),
  );
  return isOrdered ? rows : rows.length;
}

function citationTold(
  side: Side,
  { run: _, sourceTime, key, address, ...rest }: FoundRow['citation'],
): unknown {
  const isNamed = side.isNamed(rest.table);
  return {
    ...rest,
    ...(isNamed ? {} : { key, address }),
    ...(side.isTimed(rest.table) ? { sourceTime } : {}),
  };
}

function rowTold(side: Side, row: FoundRow | undefined): unknown {
  return row && { values: row.values, citation: citationTold(side, row.citation) };
}

function planTold({ elapsedMs: _, steps, ...plan }: QueryPlan): unknown {
  return { ...plan, ...(steps === undefined ? {} : { steps: steps.map(planTold) }) };
}

function summaryTold({ lastCommit: _, bytes, snapshot, ...summary }: TableSummary): unknown {
  const { id: __, createdAt: ___, ...counts } = snapshot ?? {};
  return { ...summary, hasBytes: bytes !== undefined, snapshot: snapshot && counts };
}

function descriptionTold(
  side: Side,
  {
    ageMs: _,
    mode,
    primaryKey,
    columns,
    examples,
    schemaHistory,
    pipelines,
    incremental,
    ...description
  }: TableDescription,
): unknown {
  const isNamed = side.isNamed(description.name);
  return {
    ...(summaryTold(description) as object),
    ...(isNamed ? {} : { mode, primaryKey, pipelines, incremental }),
    columns: columns.map(({ key, ...column }) => (isNamed ? column : { ...column, key })),
    schemaHistory: schemaHistory.map(({ changes }) => changes),
    // Which rows they are is nobody's promise.
    examples: examples.length,
  };
}
