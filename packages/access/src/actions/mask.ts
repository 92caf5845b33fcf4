import { type PiiType, quoteLiteral } from '@hakiri/core';

/** What is left of a text that shows nothing. */
const MASKED = '***';

/**
 * What a mask lets through: what the pattern, over the whole text, captures. The pattern is of the subset that RE2 and
 * JavaScript read alike; a text that does not match shows nothing.
 */
interface Mask {
  /** Dropped before the pattern is tried. */
  readonly without?: string;
  readonly pattern: string;
  /** `\1`, `\2` are what was captured. */
  readonly shown: string;
}

/** One character of any kind; a dot leaves out line ends, and not the same ones in both. */
const ANY = '[\\x{0}-\\x{10FFFF}]';

const MASKS: Readonly<Partial<Record<PiiType, Mask>>> = {
  email: {
    pattern: '^([^@\\x{0}-\\x{20}])[^@]*@[^@]*\\.([A-Za-z]{2,24})$',
    shown: '\\1***@***.\\2',
  },
  phone: { without: '[^0-9]', pattern: '^[0-9]{5,}([0-9]{2})$', shown: '***\\1' },
  credit_card: { without: '[^0-9]', pattern: '^[0-9]{8,}([0-9]{4})$', shown: '****\\1' },
  iban: {
    without: '[^A-Za-z0-9]',
    pattern: '^([A-Za-z0-9]{2})[A-Za-z0-9]{8,}([A-Za-z0-9]{2})$',
    shown: '\\1***\\2',
  },
  name: { pattern: `^(${ANY})${ANY}+$`, shown: '\\1***' },
  ip: { pattern: '^([0-9]{1,3})\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}$', shown: '\\1.***' },
};

/** What a mask shows of a text: a fixed form by the kind of value it is, `***` where it does not look like one. */
export function maskText(piiType: PiiType | undefined): (text: string) => string {
  const mask = piiType === undefined ? undefined : MASKS[piiType];
  if (mask === undefined) return () => MASKED;
  const pattern = javaScript(mask.pattern, 'u');
  const without = mask.without === undefined ? undefined : javaScript(mask.without, 'gu');
  return (text) => {
    const found = pattern.exec(without === undefined ? text : text.replace(without, ''));
    return found === null
      ? MASKED
      : mask.shown.replace(/\\(\d)/g, (_, group: string) => found[Number(group)] ?? '');
  };
}

/** The same of a VARCHAR expression; NULL stays NULL. */
export function maskSql(text: string, piiType: PiiType | undefined): string {
  const mask = piiType === undefined ? undefined : MASKS[piiType];
  if (mask === undefined) return `CASE WHEN ${text} IS NULL THEN NULL ELSE '${MASKED}' END`;
  const left =
    mask.without === undefined ? text : `regexp_replace(${text}, ${quoteLiteral(mask.without)}, '', 'g')`;
  const pattern = quoteLiteral(mask.pattern);
  return `CASE WHEN ${text} IS NULL THEN NULL WHEN regexp_matches(${left}, ${pattern}) THEN regexp_replace(${left}, ${pattern}, ${quoteLiteral(mask.shown)}) ELSE '${MASKED}' END`;
}

function javaScript(pattern: string, flags: string): RegExp {
  return new RegExp(pattern.replaceAll('\\x{', '\\u{'), flags);
}
