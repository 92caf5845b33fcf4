import { z } from 'zod';

export const namespaceField = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,47}$/, 'lower-case letters, digits and underscores, starting with a letter')
  .optional()
  .describe('Memories of one namespace are one table, memory_<namespace>; "default" when left out.');

export const idField = z.string().min(1).max(100);
