import { HakiriError } from '@hakiri/core';

export function damaged(why: string): HakiriError {
  return new HakiriError('index.damaged', `A text segment cannot be read: ${why}`);
}
