import { publishedSchema } from '../published-schema.ts';
import type { Call } from '../services.ts';

export async function schema({ output }: Call): Promise<undefined> {
  output.out.line(JSON.stringify(publishedSchema(), null, 2));
}
