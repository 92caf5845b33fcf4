import { createHmac, timingSafeEqual } from 'node:crypto';
import { blobSql, hmacHexSql } from './hmac-sql.ts';
import type { Pseudonyms } from './pseudonyms.ts';

/*
 * Deterministic authenticated encryption after the pattern of SIV (RFC 5297), made of HMAC-SHA256 alone, because that
 * much can be said in SQL: the first 16 bytes of a MAC of the plaintext are the nonce of a stream cipher, and are
 * found again when a token is turned back.
 */

const SIV_BYTES = 16;
const BLOCK_BYTES = 32;

/** `t_` and base64url: equal for equal texts; as long as the text, and a third. */
export function tokenizeText(text: string, pseudonyms: Pseudonyms): string {
  const plain = Buffer.from(text, 'utf8');
  const siv = sivOf(plain, pseudonyms);
  return `t_${Buffer.concat([siv, crypt(plain, siv, pseudonyms)]).toString('base64url')}`;
}

/** The text of a token; undefined for what this key has not made. */
export function detokenize(token: string, pseudonyms: Pseudonyms): string | undefined {
  if (!/^t_[A-Za-z0-9_-]{22,}$/.test(token)) return undefined;
  const bytes = Buffer.from(token.slice(2), 'base64url');
  const siv = bytes.subarray(0, SIV_BYTES);
  const plain = crypt(bytes.subarray(SIV_BYTES), siv, pseudonyms);
  if (!timingSafeEqual(siv, sivOf(plain, pseudonyms))) return undefined;
  const text = plain.toString('utf8');
  return tokenizeText(text, pseudonyms) === token ? text : undefined;
}

/** `tokenizeText` of a VARCHAR expression. */
export function tokenizeSql(text: string, pseudonyms: Pseudonyms): string {
  const siv = `unhex(left(${hmacHexSql(pseudonyms.subkey('tokenize-siv'), `encode(${text})`)}, ${2 * SIV_BYTES}))`;
  const block = hmacHexSql(pseudonyms.subkey('tokenize-stream'), '_siv || encode(CAST(_i AS VARCHAR))');
  const bytes = `octet_length(encode(${text}))`;
  const blocks = `range(0, CAST((${bytes} + ${BLOCK_BYTES - 1}) // ${BLOCK_BYTES} AS BIGINT))`;
  const stream = `unhex(left(list_aggregate(list_transform(${blocks}, lambda _i: ${block}), 'string_agg', ''), 2 * ${bytes}))`;
  const sealed = `_siv || CASE WHEN ${text} = '' THEN ${blobSql(new Uint8Array())} ELSE xor(CAST(encode(${text}) AS BIT), CAST(${stream} AS BIT))::BLOB END`;
  // A list of one is how a value is given a name within an expression.
  const named = `list_extract(list_transform([${siv}], lambda _siv: ${sealed}), 1)`;
  return `('t_' || translate(rtrim(to_base64(${named}), '='), '+/', '-_'))`;
}

function sivOf(plain: Uint8Array, pseudonyms: Pseudonyms): Buffer {
  return createHmac('sha256', pseudonyms.subkey('tokenize-siv'))
    .update(plain)
    .digest()
    .subarray(0, SIV_BYTES);
}

/** Its own inverse. */
function crypt(text: Uint8Array, siv: Uint8Array, pseudonyms: Pseudonyms): Buffer {
  const out = Buffer.alloc(text.length);
  for (let at = 0; at < text.length; at += BLOCK_BYTES) {
    const stream = createHmac('sha256', pseudonyms.subkey('tokenize-stream'))
      .update(siv)
      .update(String(at / BLOCK_BYTES))
      .digest();
    for (let i = at; i < Math.min(at + BLOCK_BYTES, text.length); i++) {
      out[i] = (text[i] as number) ^ (stream[i - at] as number);
    }
  }
  return out;
}
