import { createHmac } from 'node:crypto';
import { hmacHexSql } from './hmac-sql.ts';
import type { Pseudonyms } from './pseudonyms.ts';

const SHOWN_HEX = 32;

/** `h_` and half of a keyed SHA-256: equal for equal texts, and telling nothing else to whoever has no key. */
export function hashText(text: string, pseudonyms: Pseudonyms): string {
  const digest = createHmac('sha256', pseudonyms.subkey('hash')).update(text, 'utf8').digest('hex');
  return `h_${digest.slice(0, SHOWN_HEX)}`;
}

/** The same of a VARCHAR expression. */
export function hashSql(text: string, pseudonyms: Pseudonyms): string {
  return `('h_' || left(${hmacHexSql(pseudonyms.subkey('hash'), `encode(${text})`)}, ${SHOWN_HEX}))`;
}
