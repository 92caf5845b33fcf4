import type { SearchContext, SearchParts } from '../search-parts.ts';

/** Wires search together, for the profile that has it. */
export async function openSearch(_context: SearchContext): Promise<SearchParts> {
  return { close: async () => {} };
}
