import { DETECTORS_VERSION } from '@hakiri/access';
import type { IndexSpec, PiiType } from '@hakiri/core';

/** No index of a manifest is named so. */
const TWIN_ENDING = '~scrubbed';

/**
 * The indexes, and a twin of each that reads a text which may quote others' values. A keyword twin has only those
 * columns; what stands in a vector cannot be taken apart, so its twin has them all.
 * @param quotedIn what kinds of value a column's text may quote; undefined where it quotes none
 */
export function withTwins(
  specs: readonly IndexSpec[],
  quotedIn: (column: string) => readonly PiiType[] | undefined,
): readonly IndexSpec[] {
  return specs.flatMap((spec) => {
    const columns = spec.columns.flatMap((column) => {
      const quoted = quotedIn(column);
      return quoted === undefined ? [] : [{ column, piiTypes: [...new Set(quoted)].sort() }];
    });
    if (columns.length === 0) return [spec];
    const twin: IndexSpec = {
      ...spec,
      name: `${spec.name}${TWIN_ENDING}`,
      ...(spec.kind === 'fts' ? { columns: columns.map(({ column }) => column) } : {}),
      scrubbed: { twinOf: spec.name, columns, version: DETECTORS_VERSION },
    };
    return [spec, twin];
  });
}

/** The name that people know an index or its twin by. */
export const knownName = ({ name, scrubbed }: IndexSpec): string => scrubbed?.twinOf ?? name;
