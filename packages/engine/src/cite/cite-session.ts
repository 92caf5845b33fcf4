import { randomBytes } from 'node:crypto';
import { PROVENANCE_COLUMNS, RESERVED_PREFIX } from '@hakiri/core';
import type { CiteRequest, Session } from '../protocol.ts';
import type { CitedView } from './add-sources.ts';

/** What a session needs to know of the views that can be cited. */
export interface CiteSession {
  /** Begins every name that is added; nobody can guess it. */
  readonly prefix: string;
  /** By the view's name, the name under which it shows its `_hakiri_` columns; not of those that came with a base. */
  readonly bases: ReadonlyMap<string, string>;
  readonly views: readonly CitedView[];
  /** The query names one of the `_hakiri_` columns, and so sees them all, of views that came without a base. */
  readonly seesProvenance: boolean;
}

export function citeSession({ sql, bases = {} }: Session, { views }: CiteRequest): CiteSession {
  const prefix = freshPrefix();
  const seesProvenance = sql.toLowerCase().includes(RESERVED_PREFIX);
  const made = new Map<string, string>();
  const cited = Object.entries(views).map(([view, { key }], i): CitedView => {
    const given = bases[view];
    if (given !== undefined) return { view, key, base: given.view, extra: given.extra };
    const base = `${prefix}_base_${i}`;
    made.set(view, base);
    return { view, key, base, extra: seesProvenance ? [] : PROVENANCE_COLUMNS.map(({ name }) => name) };
  });
  return { prefix, bases: made, views: cited, seesProvenance };
}

/** Begins names that nobody can guess. */
export function freshPrefix(): string {
  return `${RESERVED_PREFIX}cite_${randomBytes(6).toString('hex')}`;
}
