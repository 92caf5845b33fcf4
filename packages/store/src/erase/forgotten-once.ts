import { type Forgotten, readErasures } from './records.ts';

/**
 * What is forgotten, read at the first call only: nothing is forgotten while somebody writes. A disk that fails
 * once is asked again.
 */
export function forgottenOnce(
  place: Parameters<typeof readErasures>[0],
): () => Promise<Forgotten | undefined> {
  let reading: Promise<Forgotten | undefined> | undefined;
  return () => {
    reading ??= readErasures(place).then(
      (found) => found?.forgotten,
      (error: unknown) => {
        reading = undefined;
        throw error;
      },
    );
    return reading;
  };
}
