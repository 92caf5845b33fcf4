import { accessHybrid } from './support/access-hybrid.ts';
import { accessTokens } from './support/access-tokens.ts';
import type { Bar, Scale } from './support/report.ts';

/** What it costs that not everybody may see everything. */
export async function access(scale: Scale): Promise<readonly Bar[]> {
  return [...(await accessTokens(scale)), ...(await accessHybrid(scale))];
}
