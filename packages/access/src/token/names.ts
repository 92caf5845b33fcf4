import {
  PIPELINE_ID_PATTERN,
  parsePredicate,
  TABLE_NAME_PATTERN,
  ZONE_PATTERN,
  ZONE_RULE_PATTERN,
} from '@hakiri/core';

/** Longer ones are no names. UTF-16 units. */
const MAX_NAME = 256;
/** A filter longer than this is refused in a token. UTF-16 units. */
const MAX_PREDICATE = 4096;
/** Signs that would end a line, or turn the writing direction of one that shows them. */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

export const isName = (text: string): boolean =>
  text !== '' && text.length <= MAX_NAME && !UNSHOWABLE.test(text);

export const isTable = (text: string): boolean => text === '*' || TABLE_NAME_PATTERN.test(text);
export const isPipeline = (text: string): boolean => text === '*' || PIPELINE_ID_PATTERN.test(text);
export const isZone = (text: string): boolean => ZONE_PATTERN.test(text);
export const isZoneRule = (text: string): boolean => ZONE_RULE_PATTERN.test(text);
export const isThumbprint = (text: string): boolean => THUMBPRINT.test(text);

export function isPredicate(text: string): boolean {
  if (text.length > MAX_PREDICATE) return false;
  try {
    parsePredicate(text);
    return true;
  } catch {
    return false;
  }
}
