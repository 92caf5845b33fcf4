import { isDeepStrictEqual } from 'node:util';
import { defaultTableName, HakiriError, type TableName } from '@hakiri/core';
import { type ManifestFile, parseManifestText, toJson } from '@hakiri/core/manifest';

/** A vector index, by the name of its table in the store and its own. */
export interface IndexName {
  readonly table: TableName;
  readonly index: string;
}

export interface NewModel {
  readonly model: string;
  readonly dims: number;
}

/**
 * The files of a manifest with another model for these indexes; files that do not declare any of them are left out.
 * Comments and order are kept. `dim` is changed where it is given.
 * @throws HakiriError manifest.syntax, usage.argument for a file that cannot be changed without losing something
 */
export async function withIndexModel(
  files: readonly ManifestFile[],
  indexes: readonly IndexName[],
  model: NewModel,
): Promise<readonly ManifestFile[]> {
  const changed: ManifestFile[] = [];
  for (const { file, text } of files) {
    const format = file.endsWith('.json') ? 'json' : 'toml';
    const raw = parseManifestText(text, { file, format });
    const changes = placesIn(raw, indexes).flatMap((place) => changesAt(raw, place, model));
    if (changes.length === 0) continue;
    changed.push({
      file,
      text: format === 'json' ? toJson(applied(raw, changes)) : await editToml(file, text, changes),
    });
  }
  return changed;
}

type Path = readonly (string | number)[];

interface Change {
  /** Of the index. */
  readonly place: Path;
  readonly key: 'model' | 'dim';
  readonly value: string | number;
}

function placesIn(raw: unknown, indexes: readonly IndexName[]): readonly Path[] {
  return listAt(raw, 'pipeline').flatMap((pipeline, i) =>
    listAt(pipeline, 'tables').flatMap((table, j) =>
      Object.keys(tableAt(table, 'indexes'))
        .filter((index) =>
          indexes.some((each) => each.index === index && each.table === nameOf(pipeline, table)),
        )
        .map((index): Path => ['pipeline', i, 'tables', j, 'indexes', index]),
    ),
  );
}

function nameOf(pipeline: unknown, table: unknown): string | undefined {
  const { name, source } = table as { readonly name?: unknown; readonly source?: unknown };
  const { connector } = tableAt(pipeline, 'source') as { readonly connector?: unknown };
  if (typeof name === 'string') return name;
  return typeof connector === 'string' && typeof source === 'string'
    ? defaultTableName(connector, source)
    : undefined;
}

function changesAt(raw: unknown, place: Path, { model, dims }: NewModel): readonly Change[] {
  const index = valueAt(raw, place) as { readonly model?: unknown; readonly dim?: unknown };
  const changes: Change[] = [];
  if (index.model !== model) changes.push({ place, key: 'model', value: model });
  if (index.dim !== undefined && index.dim !== dims) changes.push({ place, key: 'dim', value: dims });
  return changes;
}

function applied(raw: unknown, changes: readonly Change[]): unknown {
  const copy = structuredClone(raw);
  for (const { place, key, value } of changes) (valueAt(copy, place) as Record<string, unknown>)[key] = value;
  return copy;
}

/** Change by change; each way is believed only when reading its result gives what was meant. */
async function editToml(file: string, text: string, changes: readonly Change[]): Promise<string> {
  let edited = text;
  for (const change of changes) {
    const read = (candidate: string): unknown => parseManifestText(candidate, { file, format: 'toml' });
    const meant = applied(read(edited), [change]);
    const found = [
      ...sectionEdits(edited, change),
      ...lineEdits(edited, change),
      ...(await patchEdits(edited, change)),
    ].find((candidate) => {
      try {
        return isDeepStrictEqual(read(candidate), meant);
      } catch {
        return false;
      }
    });
    if (found === undefined) throw byHand(file, change);
    edited = found;
  }
  return edited;
}

/** A text or a number, as TOML has them on one line. */
const VALUE = `(?:"[^"\\n]*"|'[^'\\n]*'|\\d+)`;

function pieces({ place, key, value }: Change): {
  readonly name: string;
  readonly written: string;
  readonly known: string;
} {
  const name = `["']?${String(place.at(-1)).replace(/[-_]/g, '[$&]')}["']?`;
  return { name, written: `${key} = ${JSON.stringify(value)}`, known: `${key}[ \\t]*=[ \\t]*${VALUE}` };
}

/** For an index with a section of its own, `[pipeline.tables.indexes.NAME]`: the line in it. */
function* sectionEdits(text: string, change: Change): Generator<string> {
  const { name, written, known } = pieces(change);
  const keys = ['pipeline', 'tables', 'indexes', name].join('[ \\t]*\\.[ \\t]*');
  for (const { 0: line, index } of text.matchAll(
    new RegExp(`^[ \\t]*\\[[ \\t]*${keys}[ \\t]*\\][^\\n]*\\n?`, 'gm'),
  )) {
    const from = index + line.length;
    const length = text.slice(from).search(/^[ \t]*\[/m);
    const to = length < 0 ? text.length : from + length;
    const body = text.slice(from, to);
    const ownLine = new RegExp(`^([ \\t]*)${known}`, 'm');
    const indent = /^([ \t]*)\S/m.exec(body)?.[1] ?? '';
    const after = ownLine.test(body)
      ? body.replace(ownLine, (_, space: string) => space + written)
      : `${line.endsWith('\n') ? '' : '\n'}${indent}${written}\n${body}`;
    yield text.slice(0, from) + after + text.slice(to);
  }
}

/** For an index on one line, `indexes.NAME = { ... }`, or on a line a key, `indexes.NAME.model = ...`. */
function* lineEdits(text: string, change: Change): Generator<string> {
  const { name, written, known } = pieces(change);
  const line = new RegExp(
    `^([ \\t]*(?:[\\w"'-]+[ \\t]*\\.[ \\t]*)*${name}[ \\t]*(?:=[ \\t]*\\{|\\.[ \\t]*))([^\\n]*)`,
    'gm',
  );
  for (const { 0: whole, 1: start = '', 2: rest = '', index } of text.matchAll(line)) {
    const instead = (to: string): string => text.slice(0, index) + to + text.slice(index + whole.length);
    const changed = rest.replace(new RegExp(known), () => written);
    if (changed !== rest) yield instead(start + changed);
    yield instead(start.endsWith('{') ? `${start} ${written},${rest}` : `${whole}\n${start}${written}`);
  }
}

/** For any other way to write it. */
async function patchEdits(text: string, change: Change): Promise<readonly string[]> {
  const { parse, patch } = await import('@decimalturn/toml-patch');
  try {
    return [patch(text, applied(parse(text), [change]))];
  } catch {
    return [];
  }
}

function byHand(file: string, { place, key, value }: Change): HakiriError {
  const index = String(place.at(-1));
  return new HakiriError('usage.argument', `${file} cannot be changed without losing something of it`, {
    hint: `Write ${key} = ${JSON.stringify(value)} under the index "${index}" yourself; \`hakiri serve\` and \`hakiri index rebuild\` build it beside the old one.`,
    details: { file, index },
  });
}

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown>)[part], raw);
}

function listAt(raw: unknown, key: string): readonly unknown[] {
  const value = tableOf(raw)[key];
  return Array.isArray(value) ? value : [];
}

function tableAt(raw: unknown, key: string): Readonly<Record<string, unknown>> {
  return tableOf(tableOf(raw)[key]);
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
