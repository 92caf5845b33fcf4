/** An object with more keys than this is a map from data to data, not a record with fields. */
export const MAX_STRUCT_KEYS = 200;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NUMBER = /^-?\d+(\.\d+)?$/;
const SIGNED_DIGIT = /^-\d$/;
const DATE = /^\d{4}-\d{2}(-\d{2})?([T ].*)?$/;
const LONG_HEX = /^(0x)?[0-9a-f]{16,}$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a control character in a key is what is looked for
const FOREIGN = /[/\\@:\u0000-\u001f]/;
const MAX_FIELD_LENGTH = 128;

/**
 * Whether a key looks like data rather than like the name of a field: a number, an id, a date, an address.
 * `-1` does not, beside `+1`: a well-known API names two of its fields so.
 */
export function looksLikeData(key: string): boolean {
  if (key === '' || key.length > MAX_FIELD_LENGTH || FOREIGN.test(key)) return true;
  if (NUMBER.test(key)) return !SIGNED_DIGIT.test(key);
  return UUID.test(key) || DATE.test(key) || LONG_HEX.test(key);
}
