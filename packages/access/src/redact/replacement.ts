import { isInteger, type JsonValue, type LogicalType } from '@hakiri/core';
import type { Replacement } from './places.ts';

const NULL = Buffer.from('null');
const NUMBER = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * The JSON text of what `act` leaves of a scalar.
 * @param type that is declared for the clear value, if any: a number is written as a column of it would show it
 * @param takesNumbers whether `act` leaves anything of a number
 */
export function replacementBy(
  act: (value: JsonValue) => JsonValue,
  type: LogicalType | undefined,
  takesNumbers: boolean,
): Replacement {
  return (json) => {
    const value = scalarOf(json, type);
    if (value === undefined) return undefined;
    if (value === null || (value.isNumber && !takesNumbers)) return NULL;
    const left = act(value.value);
    return left === null ? NULL : Buffer.from(JSON.stringify(left));
  };
}

interface Scalar {
  readonly value: string | boolean;
  readonly isNumber: boolean;
}

/** A number is given as its text: not every one is a number of JavaScript's. */
function scalarOf(json: string, type: LogicalType | undefined): Scalar | null | undefined {
  if (json.startsWith('"')) {
    const text = stringOf(json);
    if (text === undefined) return undefined;
    // Databases send decimals as text.
    return { value: type?.kind === 'decimal' ? decimalText(text, type.scale) : text, isNumber: false };
  }
  if (json === 'null') return null;
  if (json === 'true' || json === 'false') return { value: json === 'true', isNumber: false };
  const number = NUMBER.exec(json);
  if (number === null) return undefined;
  return {
    value: numberText(json, number[1] !== undefined || number[2] !== undefined, type),
    isNumber: true,
  };
}

function stringOf(json: string): string | undefined {
  try {
    return (JSON.parse(json) as string).toWellFormed();
  } catch {
    return undefined;
  }
}

function numberText(token: string, hasFraction: boolean, type: LogicalType | undefined): string {
  if (type?.kind === 'decimal') return decimalText(token, type.scale);
  if (!hasFraction) return token === '-0' ? '0' : token;
  const value = Number(token);
  const isWhole = type !== undefined && isInteger(type) && Number.isSafeInteger(value);
  return isWhole ? value.toFixed(0) : String(value);
}

/** With all its places, as a decimal column shows it. */
function decimalText(token: string, scale: number): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(token);
  if (parts === null) return token;
  const [, sign = '', whole = '', fraction = ''] = parts;
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${fraction.padEnd(scale, '0').slice(0, scale)}`;
}
