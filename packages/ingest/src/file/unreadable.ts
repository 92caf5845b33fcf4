import { HakiriError, isHakiriError } from '@hakiri/core';

/** The error for a file the system does not let us read. */
export function unreadable(name: string, error: unknown): HakiriError {
  if (isHakiriError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (code === 'ENOENT') {
    return new HakiriError('source.file_not_found', `${name} is gone`, {
      cause: error,
      details: { path: name },
    });
  }
  return new HakiriError('source.unreadable', `${name} cannot be read (${code})`, {
    cause: error,
    details: { path: name },
  });
}
