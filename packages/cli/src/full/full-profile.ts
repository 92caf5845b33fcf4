import type { Profile } from '../profile.ts';

export const FULL_PROFILE: Profile = {
  routes: {},
  openSearch: async (context) => (await import('./open-search.ts')).openSearch(context),
};
