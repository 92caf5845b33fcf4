import { type ErasureTarget, type Files, HakiriError, quoteLiteral, type TableName } from '@hakiri/core';
import { readDelta } from '../delta/delta-file.ts';
import type { StoreContext } from '../store-context.ts';
import { cursorTexts } from './cursor.ts';
import { subjectTexts } from './digest.ts';
import { findRows } from './find-rows.ts';
import { cleanQuarantine } from './quarantine.ts';
import type { ErasureProof, Forgotten } from './records.ts';
import { partSource, type Source, type TableFacts } from './sources.ts';
import { tableFiles } from './table-files.ts';

/**
 * Reads every file of the tables back from the disk, whoever names it, and looks for what was forgotten.
 * @throws HakiriError store.erasure_incomplete naming a file that holds some, or that nobody can read
 */
export async function proveErased(
  context: StoreContext,
  tables: readonly TableName[],
  targets: readonly ErasureTarget[],
  forgotten: Forgotten,
): Promise<ErasureProof> {
  const { catalog, files, paths } = context;
  let count = 0;
  let bytes = 0;
  for (const name of tables) {
    const table = await catalog.table(name);
    if (!table) continue;
    const { facts, runs, sources } = await tableFiles(context, table);
    for (const path of await filesBelow(files, `${paths.tables}/${name}`)) {
      count++;
      bytes += (await files.stat(path))?.sizeBytes ?? 0;
      await requireClean(context, facts, sources, path, forgotten);
    }
    for (const { run, cursor } of runs) {
      const texts = [...cursorTexts(cursor.before), ...cursorTexts(cursor.after)];
      if (texts.some(forgotten.subject)) throw incomplete(`the catalog's entry of run ${run}`);
    }
  }
  for (const target of targets) {
    const [left] = await target.remains(tables);
    if (left !== undefined) throw incomplete(left);
  }
  return { files: count, bytes, rowsFound: 0 };
}

async function requireClean(
  context: StoreContext,
  facts: TableFacts,
  sources: readonly Source[],
  path: string,
  forgotten: Forgotten,
): Promise<void> {
  const { files, paths } = context;
  const relative = path.slice(paths.context.length + 1);
  if (path.endsWith('.parquet')) {
    if (await holdsRows(context, facts, sources, relative, forgotten)) throw incomplete(path);
  } else if (relative.includes('/quarantine/')) {
    if (cleanQuarantine(await files.readText(path), facts, forgotten, new Set()).changed)
      throw incomplete(path);
  } else if (relative.includes('/data/delta/')) {
    const { commits, tornBytes, damagedLines } = await readDelta(files, path);
    const holds = commits.some(({ rows }) =>
      rows.some(
        (row) =>
          facts.subjectColumns.some((name) => subjectTexts(row, name.split('.')).some(forgotten.subject)) ||
          forgotten.key(
            facts.name,
            facts.primaryKey.map((name) => row[name] ?? null),
          ),
      ),
    );
    if (holds || tornBytes > 0 || damagedLines > 0) throw incomplete(path);
  }
}

async function holdsRows(
  context: StoreContext,
  facts: TableFacts,
  sources: readonly Source[],
  path: string,
  forgotten: Forgotten,
): Promise<boolean> {
  try {
    const known = sources.find((source) => source.path === path);
    const source = known ?? (await unknownSource(context, facts, path));
    return (await findRows(context, facts, [source], forgotten)).rows > 0;
  } catch (cause) {
    throw new HakiriError('store.erasure_incomplete', `${path} cannot be read`, {
      cause,
      details: { path },
      hint: 'It belongs to a damaged run: remove the folder it lies in, and forget again.',
    });
  }
}

/** A part that no manifest names which the catalog knows; its columns are taken for the table's. */
async function unknownSource(context: StoreContext, { schema }: TableFacts, path: string): Promise<Source> {
  const { engine, paths } = context;
  const absolute = paths.absolute(path);
  const rows = await engine.countRows(absolute);
  const described = await engine.select(
    `SELECT column_name FROM (DESCRIBE FROM read_parquet(${quoteLiteral(absolute)}, hive_partitioning = false))`,
  );
  const names = new Set(described.map(([name]) => name));
  const held = { columns: schema.columns.filter(({ name }) => names.has(name)) };
  return partSource(context, { path, rows, bytes: 0, sha256: '', schema: '' }, held);
}

function incomplete(path: string): HakiriError {
  return new HakiriError(
    'store.erasure_incomplete',
    `${path} still holds something that was to be forgotten`,
    {
      details: { path },
    },
  );
}

async function filesBelow(files: Files, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, isFolder } of await files.list(folder)) {
    if (isFolder) found.push(...(await filesBelow(files, `${folder}/${name}`)));
    else found.push(`${folder}/${name}`);
  }
  return found;
}
