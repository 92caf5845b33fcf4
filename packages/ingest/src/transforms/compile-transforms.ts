import {
  HakiriError,
  type LogicalType,
  quoteIdentifier,
  quoteLiteral,
  RESERVED_PREFIX,
  sqlType,
  type TransformStep,
} from '@hakiri/core';
import { checkExpression } from './check-expression.ts';

/** Always in `input`, and carried through every verb. */
const SEQUENCE = quoteIdentifier('_hakiri_seq');
const DELETED = quoteIdentifier('_hakiri_deleted');
const CARRIED = [SEQUENCE, DELETED, quoteIdentifier('_hakiri_value')];

/** A field no record has: it gives a column that is not yet decided the type of a struct without fields. */
const NO_FIELD = quoteIdentifier('_hakiri_none');

const MAX_STEPS = 100;

/**
 * The steps as one SELECT over the relation `input`, nested in their order, every identifier quoted. Expressions
 * stand in it as written: the engine parses and judges the whole. Names that two columns would share are an error
 * of the engine, never renamed in silence.
 *
 * - `with_columns`: all expressions see the row as it was before; what they replace moves to the end.
 * - `filter`: with `keyed` the row stays as a tombstone, otherwise it goes.
 * - `explode`: a row whose list is empty or null stays, with null, as in Polars. Its rows share one sequence.
 * - `unnest`: the fields become columns under their own names, at the end; a clash is an error, as in Polars.
 *   Of a column that was only null so far there is nothing to unnest: it goes.
 *
 * Throws `transform.invalid`.
 */
export function compileTransforms(
  steps: readonly TransformStep[],
  options: { readonly keyed: boolean },
): string {
  if (steps.length > MAX_STEPS) {
    throw new HakiriError(
      'transform.invalid',
      `A table has ${steps.length} transforms; at most ${MAX_STEPS} run.`,
    );
  }
  return steps.reduce((from, step) => compileStep(step, from, options.keyed), 'SELECT * FROM input');
}

function compileStep(step: TransformStep, from: string, keyed: boolean): string {
  switch (step.verb) {
    case 'select': {
      const columns = ownNames(step.verb, step.columns);
      return `SELECT ${[...columns, ...CARRIED].join(', ')} FROM (${from})`;
    }
    case 'drop':
      return `SELECT * EXCLUDE (${ownNames(step.verb, step.columns).join(', ')}) FROM (${from})`;
    case 'with_columns':
      return withColumns(step.columns, from);
    case 'filter':
      checkExpression(step.expression, 'filter');
      return keyed
        ? `SELECT * REPLACE ((${DELETED} OR ((${step.expression}) IS NOT TRUE)) AS ${DELETED}) FROM (${from})`
        : `SELECT * FROM (${from}) WHERE (${step.expression})`;
    case 'rename':
      return rename(step.columns, from);
    case 'cast':
      return cast(step.columns, from);
    case 'explode': {
      const column = ownName(step.verb, step.column);
      return `SELECT * REPLACE (unnest(coalesce(nullif(${column}, []), [NULL])) AS ${column}) FROM (${from})`;
    }
    case 'unnest': {
      const column = ownName(step.verb, step.column);
      const fields = `unnest(coalesce(${column}, CAST(NULL AS STRUCT(${NO_FIELD} BOOLEAN))))`;
      const unnested = withoutClash(`SELECT * EXCLUDE (${column}), ${fields} FROM (${from})`);
      return `SELECT * EXCLUDE (${NO_FIELD}) FROM (${unnested})`;
    }
  }
}

/** Computed under names of their own first: in one SELECT an expression could see another's result. */
function withColumns(
  columns: readonly { readonly name: string; readonly expression: string }[],
  from: string,
): string {
  if (columns.length === 0) return from;
  const names = ownNames(
    'with_columns',
    columns.map(({ name }) => name),
  );
  const computed = columns.map(({ name, expression }, i) => {
    checkExpression(expression, `with_columns > ${name}`);
    return `(${expression}) AS ${temporary(i)}`;
  });
  const replaced = columns.flatMap(({ name }, i) => [lowerAscii(name), `${RESERVED_PREFIX}new_${i}`]);
  const kept = `COLUMNS(lambda c: ${LOWER_ASCII} NOT IN (${replaced.map(quoteLiteral).join(', ')}))`;
  const added = names.map((name, i) => `${temporary(i)} AS ${name}`);
  return `SELECT ${[kept, ...added].join(', ')} FROM (SELECT *, ${computed.join(', ')} FROM (${from}))`;
}

function temporary(index: number): string {
  return quoteIdentifier(`${RESERVED_PREFIX}new_${index}`);
}

/** The engine's RENAME ignores a name that is not there; its REPLACE does not. */
function rename(columns: readonly { readonly from: string; readonly to: string }[], from: string): string {
  if (columns.length === 0) return from;
  const old = ownNames(
    'rename',
    columns.map((column) => column.from),
  );
  const renamed = ownNames(
    'rename',
    columns.map((column) => column.to),
  );
  const checked = `SELECT * REPLACE (${old.map((name) => `${name} AS ${name}`).join(', ')}) FROM (${from})`;
  const pairs = old.map((name, i) => `${name} AS ${renamed[i]}`);
  return withoutClash(`SELECT * RENAME (${pairs.join(', ')}) FROM (${checked})`);
}

function cast(
  columns: readonly { readonly name: string; readonly type: LogicalType }[],
  from: string,
): string {
  if (columns.length === 0) return from;
  const names = ownNames(
    'cast',
    columns.map(({ name }) => name),
  );
  const casts = columns.map(({ type }, i) => `CAST(${names[i]} AS ${sqlType(type)}) AS ${names[i]}`);
  return `SELECT * REPLACE (${casts.join(', ')}) FROM (${from})`;
}

/**
 * A nested SELECT with two columns of one name gets one of them renamed in silence; a union by name refuses it.
 * The other side of the union has no rows.
 */
function withoutClash(select: string): string {
  return `SELECT * FROM (${select} UNION ALL BY NAME SELECT CAST(NULL AS BIGINT) AS ${SEQUENCE} WHERE false)`;
}

function ownName(verb: string, name: string): string {
  if (lowerAscii(name).startsWith(RESERVED_PREFIX)) {
    throw invalid(verb, `"${name}" is one of Hakiri's own columns`);
  }
  if (name === '' || name.includes('\0')) throw invalid(verb, 'a name is empty or holds a NUL character');
  return quoteIdentifier(name);
}

function ownNames(verb: string, names: readonly string[]): readonly string[] {
  const folded = names.map(lowerAscii);
  const twice = names.find((_, i) => folded.indexOf(folded[i] ?? '') !== i);
  if (twice !== undefined) throw invalid(verb, `"${twice}" is named twice`);
  return names.map((name) => ownName(verb, name));
}

function invalid(verb: string, why: string): HakiriError {
  return new HakiriError('transform.invalid', `${verb}: ${why}`, { details: { verb } });
}

/** The engine tells no case apart in names, of ASCII letters only. */
function lowerAscii(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const LOWER_ASCII = "translate(c, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')";
