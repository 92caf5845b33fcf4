import {
  HakiriError,
  type Manifest,
  type RedactionSpec,
  type TableRedactor,
  type TableSchema,
} from '@hakiri/core';
import { redactionSpec } from './redaction-spec.ts';
import type { ResolvedTable } from './resolve-tables.ts';

/** Made where a table needs one: there may be no key for pseudonyms yet. */
export type OpenRedactor = (spec: RedactionSpec, declared: TableSchema) => Promise<TableRedactor>;

/** Undefined where nothing of the table is sensitive; without means to redact nothing that is comes in. */
export async function redactorOf(
  manifest: Pick<Manifest, 'pipelines' | 'transforms'>,
  table: ResolvedTable,
  open: OpenRedactor | undefined,
): Promise<TableRedactor | undefined> {
  const spec = redactionSpec(manifest, table);
  if (spec === undefined) return undefined;
  if (open === undefined) {
    throw new HakiriError('internal', `Table ${table.name} is to be redacted, and nothing is there to do it`);
  }
  return open(spec, table.declared);
}

/** What is told of keys whose values were left out. */
export function unnamedWarning(keys: readonly string[]): string {
  return `the manifest does not name ${keys.join(', ')}: kept without values`;
}
