import { HakiriError } from './errors.ts';

/** How a table's snapshots are cut, from `access_pattern`. */
export type Partitioning =
  /** One partition a value of the column. */
  | { readonly kind: 'by'; readonly column: string }
  /** Rows whose time lies within the last `days` in one partition, older ones in `archive`. */
  | { readonly kind: 'recent'; readonly days: number; readonly column: string };

/** `by_<column>`, `recent_<n>d(<column>)`, or `recent_<n>d` on the incremental column. */
export function parseAccessPattern(text: string, incremental: string | undefined): Partitioning {
  const by = /^by_(.+)$/.exec(text)?.[1];
  if (by !== undefined) return { kind: 'by', column: by };
  const [, days, named] = /^recent_(\d{1,5})d(?:\((.+)\))?$/.exec(text) ?? [];
  const column = named ?? incremental;
  if (days === undefined || Number(days) === 0) {
    throw new HakiriError('manifest.wrong_type', `"${text}" is not an access pattern`, {
      hint: 'Write by_<column>, or recent_<n>d(<time column>).',
    });
  }
  if (column === undefined) {
    throw new HakiriError('manifest.wrong_type', `access_pattern "${text}" names no time column`, {
      hint: `The table has no incremental column: write recent_${days}d(<time column>).`,
    });
  }
  return { kind: 'recent', days: Number(days), column };
}
