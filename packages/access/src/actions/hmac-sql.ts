const BLOCK_BYTES = 64;

/**
 * HMAC-SHA256 (RFC 2104) of a BLOB expression as hex text, in SQL. NULL stays NULL.
 * @param key at most 64 bytes
 */
export function hmacHexSql(key: Uint8Array, message: string): string {
  return `sha256(${blobSql(padded(key, 0x5c))} || unhex(sha256(${blobSql(padded(key, 0x36))} || ${message})))`;
}

/** Bytes as a literal. */
export function blobSql(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `'${hex.replaceAll(/../g, '\\x$&')}'::BLOB`;
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  return Uint8Array.from({ length: BLOCK_BYTES }, (_, i) => (key[i] ?? 0) ^ pad);
}
