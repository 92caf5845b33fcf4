import { randomBytes } from 'node:crypto';
import { RESERVED_PREFIX } from '@hakiri/core';
import type { CiteRequest } from '../protocol.ts';
import type { CitedView } from './add-sources.ts';

/** What a session needs to know of the views that can be cited. */
export interface CiteSession {
  /** Begins every name that is added; nobody can guess it. */
  readonly prefix: string;
  /** By the view's name, the name under which it shows its `_hakiri_` columns. */
  readonly bases: ReadonlyMap<string, string>;
  readonly views: readonly CitedView[];
  /** The query names one of the `_hakiri_` columns, and so sees them all. */
  readonly seesProvenance: boolean;
}

export function citeSession(sql: string, { views }: CiteRequest): CiteSession {
  const prefix = `${RESERVED_PREFIX}cite_${randomBytes(6).toString('hex')}`;
  const cited = Object.entries(views).map(([view, { key }], i) => ({
    view,
    key,
    base: `${prefix}_base_${i}`,
  }));
  return {
    prefix,
    bases: new Map(cited.map(({ view, base }) => [view, base])),
    views: cited,
    seesProvenance: sql.toLowerCase().includes(RESERVED_PREFIX),
  };
}
