import { manifestJsonSchema } from '@hakiri/core/manifest';
import type { Call } from '../services.ts';

export async function schema({ output }: Call): Promise<undefined> {
  output.out.line(JSON.stringify(manifestJsonSchema(), null, 2));
}
