export interface DecimalSize {
  readonly precision: number;
  readonly scale: number;
}

const DECIMAL_TEXT = /^[ \t\n\v\f\r]*[+-]?(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?[ \t\n\v\f\r]*$/;

/** Whether the text is a number that the decimal holds digit by digit. The engine would round it in silence. */
export function fitsDecimal(text: string, { precision, scale }: DecimalSize): boolean {
  const parts = DECIMAL_TEXT.exec(text);
  if (parts === null) return false;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return true;
  const lastPlace = Number(exponent) - fraction.length + (digits.length - significant.length);
  return -lastPlace <= scale && lastPlace + significant.length <= precision - scale;
}

/** A double holds this many decimal digits whatever they are. */
const EXACT_DIGITS = 15;

/**
 * Whether the engine reads a JSON number that fits the decimal exactly. One with a fraction goes by way of a double
 * that is multiplied by ten to the scale: the product must still be exact.
 */
export function isReadExactly(token: string, { scale }: DecimalSize): boolean {
  const parts = /^-?(\d+)(\.\d+)?$/.exec(token);
  if (parts === null) return false;
  const [, whole = '', fraction] = parts;
  if (fraction === undefined) return whole.length <= EXACT_DIGITS;
  return token.length <= 20 && whole.length + Math.max(scale, fraction.length - 1) <= EXACT_DIGITS;
}

/** A JSON number that fits a decimal, without an exponent: the engine gives up on some of those. */
export function plainDecimal(token: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(token);
  if (parts === null) return token;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const digits = (whole + fraction).replace(/^0+/, '').replace(/0+$/, '');
  if (digits === '') return '0';
  const leading = /^0*/.exec(whole + fraction)?.[0].length ?? 0;
  const point = whole.length - leading + Number(exponent);
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const split = Math.max(point, 1);
  const behind = padded.slice(split);
  return `${sign}${padded.slice(0, split)}${behind === '' ? '' : `.${behind}`}`;
}
