import { createHash } from 'node:crypto';
import { canonicalArrowJson, type SchemaFingerprint, type TableSchema } from '@hakiri/core';

export function fingerprint(schema: TableSchema): SchemaFingerprint {
  return createHash('sha256').update(canonicalArrowJson(schema)).digest('hex');
}
