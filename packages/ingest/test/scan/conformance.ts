import type { LogicalType, TableSchema } from '@hakiri/core';

/** A number as it is written. */
export class NumberToken {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

export type Parsed = null | boolean | string | NumberToken | Parsed[] | { [key: string]: Parsed };

/** JSON.parse that keeps numbers as they are written. */
export function parseExactly(text: string): Parsed {
  const reviver = (_key: string, value: unknown, context: { source: string }) =>
    typeof value === 'number' ? new NumberToken(context.source) : value;
  return JSON.parse(text, reviver as never) as Parsed;
}

export function isObject(value: Parsed): value is { [key: string]: Parsed } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberToken)
  );
}

/** A number in one canonical form: digits without zeros at their ends, and the power of ten behind them. */
function canonical(source: string): string {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  if (trimmed === '') return '0';
  const power = Number(exponent) - fraction.length + digits.length - trimmed.length;
  return `${source.startsWith('-') ? '-' : ''}${trimmed}e${power}`;
}

function integer(source: string): bigint | undefined {
  const form = canonical(source);
  if (form === '0') return 0n;
  const [digits = '', power = ''] = form.split('e');
  return Number(power) < 0 || Number(power) > 40 ? undefined : BigInt(digits + '0'.repeat(Number(power)));
}

/** Whether the output says what the input said, but for the rewrites that are documented. */
export function sameUpToRewrites(input: Parsed, output: Parsed | undefined): boolean {
  if (input instanceof NumberToken) {
    if (output instanceof NumberToken) return canonical(input.source) === canonical(output.source);
    return (
      typeof output === 'string' && /^-?\d/.test(output) && canonical(input.source) === canonical(output)
    );
  }
  if (typeof input === 'string') return output === input.toWellFormed();
  if (Array.isArray(input)) {
    return (
      Array.isArray(output) &&
      input.length === output.length &&
      input.every((v, i) => sameUpToRewrites(v, output[i]))
    );
  }
  if (!isObject(input)) return input === output;
  if (output === undefined || !isObject(output)) return false;
  const wanted = new Map(Object.entries(input).map(([key, value]) => [key.toWellFormed(), value]));
  return (
    Object.keys(output).length === wanted.size &&
    [...wanted].every(([key, value]) => sameUpToRewrites(value, output[key]))
  );
}

const BITS: Readonly<Record<string, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

export interface Rules {
  /** Integers may be text, and nothing is tolerated that only inference brings about. */
  readonly declared: boolean;
  /** Unknown keys are passed over. */
  readonly open: boolean;
}

/** Whether the engine, reading with the schema, would keep the record as it is. */
export function conforms(schema: TableSchema, record: Parsed, rules: Rules): boolean {
  return isObject(record) && fits({ kind: 'struct', fields: schema.columns }, record, rules);
}

function fits(type: LogicalType, value: Parsed, rules: Rules): boolean {
  if (value === null || type.kind === 'json') return true;
  const bits = BITS[type.kind];
  if (bits !== undefined) return fitsInteger(bits, value, rules);
  switch (type.kind) {
    case 'undecided':
      return false;
    case 'boolean':
      return typeof value === 'boolean';
    case 'double':
      return value instanceof NumberToken && fitsDouble(value.source);
    case 'bytes':
      return typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
    case 'decimal':
      return fitsDecimal(type.precision, type.scale, value);
    case 'string':
      // A column that became decimal text after plain integers were taken: the engine keeps their digits.
      if (!rules.declared && value instanceof NumberToken) return /^-?\d+$/.test(value.source);
      return typeof value === 'string';
    case 'list':
      return Array.isArray(value) && value.every((item) => fits(type.item, item, rules));
    case 'struct': {
      const known = new Map(type.fields.map((field) => [field.name, field.type]));
      return (
        isObject(value) &&
        Object.entries(value).every(([key, item]) => {
          const field = known.get(key.toWellFormed());
          return field === undefined ? rules.open : fits(field, item, rules);
        })
      );
    }
    default:
      return typeof value === 'string';
  }
}

function fitsInteger(bits: number, value: Parsed, rules: Rules): boolean {
  const exact = (n: bigint | undefined) => n !== undefined && BigInt.asIntN(bits, n) === n;
  if (value instanceof NumberToken) return exact(integer(value.source));
  return (
    rules.declared && typeof value === 'string' && /^(0|-?[1-9]\d*)$/.test(value) && exact(BigInt(value))
  );
}

function fitsDouble(source: string): boolean {
  if (!/^-?\d+$/.test(source)) return Number.isFinite(Number(source));
  const n = BigInt(source);
  return n <= 2n ** 53n && n >= -(2n ** 53n);
}

/** Counted in units of the last place: a whole number of them, and not more than there are. */
function fitsDecimal(precision: number, scale: number, value: Parsed): boolean {
  const text = value instanceof NumberToken ? value.source : value;
  if (typeof text !== 'string' || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)) return false;
  const [mantissa = '', exponent = '0'] = text.trim().replace('+', '').toLowerCase().split('e');
  const units = integer(`${mantissa}e${Number(exponent) + scale}`);
  return units !== undefined && units < 10n ** BigInt(precision) && units > -(10n ** BigInt(precision));
}
