import type { Profile } from '../profile.ts';
import { indexRoutes } from '../routes/indexes.ts';
import { mcpRoute } from '../routes/mcp.ts';
import { memoryRoutes } from '../routes/memory.ts';
import { serveRoute } from '../routes/serve.ts';

export const FULL_PROFILE: Profile = {
  routes: { serve: serveRoute, mcp: mcpRoute, index: indexRoutes, memory: memoryRoutes },
  openSearch: async (context) => (await import('./open-search.ts')).openSearch(context),
  checkServer: async (folder, env) => (await import('./check-server.ts')).checkServer(folder, env),
};
