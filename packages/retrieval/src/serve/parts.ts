import type { Engine } from '@hakiri/engine';
import type { Store } from '@hakiri/store';
import type { Lineages } from '../cite/lineage.ts';
import type { RowNames } from '../cite/row-names.ts';
import type { Continuations } from './continuation.ts';
import type { KnownTables } from './known-tables.ts';
import type { SearchServices } from './search-services.ts';
import type { Seen } from './seen-tables.ts';

/** What the ways to an answer share. */
export interface ServeParts {
  readonly store: Store;
  readonly engine: Engine;
  /** Names the project in addresses. */
  readonly project: string;
  readonly known: KnownTables;
  /** Of every table that a moment holds, it is defined: those that a grant does not see are not in it. */
  readonly seen: Seen;
  /** Undefined where there is no key to make them with: then rows without a key have no address. */
  readonly rowNames: RowNames | undefined;
  /** Whether it is recorded who was given which rows: then every row has to say where it comes from. */
  readonly isAudited: boolean;
  readonly lineages: Lineages;
  readonly continuations: Continuations;
  /** Undefined in a build without search. */
  readonly search: SearchServices | undefined;
}
