import { HakiriError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** ULID of one commit to one table. Sorts by time. */
export type RunId = Branded<'RunId'>;
/** ULID of one `hakiri run` of one pipeline: the runs it committed carry it. */
export type JobId = Branded<'JobId'>;
/** ULID made once per install. */
export type NodeId = Branded<'NodeId'>;
export type TableName = Branded<'TableName'>;
export type PipelineId = Branded<'PipelineId'>;

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export function isUlid(text: string): boolean {
  return ULID.test(text);
}

/** Milliseconds since 1970 in the first ten characters of a ULID (https://github.com/ulid/spec). */
export function ulidTimeMs(id: RunId | JobId | NodeId): number {
  let time = 0;
  for (let i = 0; i < 10; i++) time = time * 32 + CROCKFORD.indexOf(id.charAt(i));
  return time;
}

/** The least run id of a millisecond: every run made before it sorts before it. */
export function firstRunIdOf(ms: number): RunId {
  let time = '';
  for (let rest = Math.max(0, Math.floor(ms)), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) {
    time = CROCKFORD.charAt(rest % 32) + time;
  }
  return `${time}${'0'.repeat(16)}` as RunId;
}

export const TABLE_NAME_PATTERN = /^[a-z][a-z0-9_]{0,62}$/;
export const PIPELINE_ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Lower-case letters, digits and underscores: a name that needs no quotes in SQL and no escape in a path. */
export function parseTableName(text: string): TableName {
  if (!TABLE_NAME_PATTERN.test(text)) {
    throw new HakiriError('manifest.wrong_type', `"${text}" is not a table name`, {
      hint: 'Use lower-case letters, digits and underscores, starting with a letter, at most 63.',
    });
  }
  return text as TableName;
}

export function parsePipelineId(text: string): PipelineId {
  if (!PIPELINE_ID_PATTERN.test(text)) {
    throw new HakiriError('manifest.wrong_type', `"${text}" is not a pipeline id`, {
      hint: 'Use lower-case letters, digits, dashes and underscores, at most 63.',
    });
  }
  return text as PipelineId;
}

/** The table name that a connector's own table gets when the manifest gives none. */
export function defaultTableName(connector: string, sourceTable: string): TableName {
  const name = `${connector}_${sourceTable}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 63);
  return parseTableName(/^[a-z]/.test(name) ? name : `t_${name}`.slice(0, 63));
}
