import { HakiriError, type Memory } from '@hakiri/core';
import type { Project } from '../services.ts';

/** What agents remember, in the project's own tables. */
export function memoryOf(_project: Project): Memory {
  const missing = async (): Promise<never> => {
    throw new HakiriError('memory.invalid', 'This build keeps no memory');
  };
  return { write: missing, search: missing, forget: missing };
}
