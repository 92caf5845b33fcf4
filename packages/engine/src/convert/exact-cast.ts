import { isInteger, type LogicalType, quoteLiteral, sqlType } from '@hakiri/core';

/** What the engine says when a value of a file does not fit the type that is declared for its column. */
const MISFIT = 'hakiri: a misfit in column ';

/** The column that a failed conversion is about, if it is `exactCast` that refused. */
export function misfitColumn(cause: unknown): string | undefined {
  const message = cause instanceof Error ? cause.message : '';
  const at = message.indexOf(MISFIT);
  const name = at < 0 ? undefined : /^"(?:[^"\\]|\\.)*"/.exec(message.slice(at + MISFIT.length))?.[0];
  return name === undefined ? undefined : (JSON.parse(name) as string);
}

/** SQL for a value of a file as its declared type: exactly that value, where the engine's own cast would round. */
export function exactCast(value: string, name: string, from: LogicalType, to: LogicalType): string {
  const cast = `TRY_CAST(${value} AS ${sqlType(to)})`;
  const exact = exactWhen(value, cast, from, to);
  const taken = exact === undefined ? cast : `CASE WHEN ${exact} THEN ${cast} END`;
  const refused = `error(${quoteLiteral(`${MISFIT}${JSON.stringify(name)}`)})`;
  return `CASE WHEN ${value} IS NOT NULL THEN coalesce(${taken}, ${refused}) END`;
}

/** Undefined where a cast either keeps the value or fails. */
function exactWhen(value: string, cast: string, from: LogicalType, to: LogicalType): string | undefined {
  if (to.kind !== 'decimal' && !isInteger(to)) return undefined;
  if (from.kind === 'double')
    return `CASE typeof(${value}) WHEN 'FLOAT' THEN CAST(${cast} AS FLOAT) = ${value} ELSE CAST(${cast} AS DOUBLE) = ${value} END`;
  if (from.kind !== 'string' && from.kind !== 'decimal') return undefined;
  const places = to.kind === 'decimal' ? to.scale : 0;
  const number = `\\s*[+-]?[0-9]*(\\.[0-9]{0,${places}}0*)?\\s*`;
  return `regexp_full_match(CAST(${value} AS VARCHAR), ${quoteLiteral(number)})`;
}
