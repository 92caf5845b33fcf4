import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { githubRow } from './github-rows.ts';

/** The words of `githubRow` repeat every few lines, which no text does: these are drawn, the frequent ones often. */
const WORDS = 3_000;
const SYLLABLES = 'ka re to mi lu sen dor ti an ve pro con de st er ing ion al ma no pi qu zu fa'.split(' ');

/** Rows like GitHub's issues whose titles and bodies are text, in one NDJSON file that is written once. */
export function prosePage(path: string, rows: number): string {
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const random = generator(20_260_101);
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const vocabulary = Array.from({ length: WORDS }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(SYLLABLES)).join(''),
  );
  const text = (words: number): string =>
    Array.from({ length: words }, () => vocabulary[Math.floor(WORDS ** random()) - 1] ?? '').join(' ');
  const file = openSync(`${path}.making`, 'w');
  for (let from = 0; from < rows; from += 1000) {
    const lines = Array.from({ length: Math.min(1000, rows - from) }, (_, n) => {
      const row = JSON.parse(githubRow(from + n)) as Record<string, unknown>;
      return `${JSON.stringify({ ...row, title: text(6), body: text((from + n) % 40) })}\n`;
    });
    writeSync(file, lines.join(''));
  }
  closeSync(file);
  renameSync(`${path}.making`, path);
  return path;
}

/** Numbers in [0, 1), the same ones for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
