import type { Profile } from '../profile.ts';
import { serveRoute } from '../routes/serve.ts';

export const FULL_PROFILE: Profile = {
  routes: { serve: serveRoute },
  openSearch: async (context) => (await import('./open-search.ts')).openSearch(context),
};
