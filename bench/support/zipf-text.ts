import { generator } from './prose.ts';

const VOCABULARY = 60_000;
const SYLLABLES =
  'ka re to mi lu sen dor ti an ve pro con de st er ing ion al ma no pi qu zu fa bel gra un os ly ment'.split(
    ' ',
  );

/** Texts of about 600 characters in which the n-th most frequent word comes 1/n as often as the first. */
export interface ZipfTexts {
  /** By how often they come, the most frequent first; all different. */
  readonly vocabulary: readonly string[];
  text(): string;
}

export function zipfTexts(seed: number): ZipfTexts {
  const random = generator(seed);
  const vocabulary = words(random);
  const upTo = new Float64Array(VOCABULARY);
  for (let rank = 0, sum = 0; rank < VOCABULARY; rank++) {
    sum += 1 / (rank + 1);
    upTo[rank] = sum;
  }
  const all = upTo[VOCABULARY - 1]!;
  const draw = (): string => {
    const at = random() * all;
    let low = 0;
    let high = VOCABULARY - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return vocabulary[low]!;
  };
  return {
    vocabulary,
    text: () => {
      const parts: string[] = [];
      // From 300 to 900 characters.
      for (let left = 300 + random() * 600; left > 0; left -= parts.at(-1)!.length + 1) parts.push(draw());
      return parts.join(' ');
    },
  };
}

function words(random: () => number): readonly string[] {
  const made = new Set<string>();
  while (made.size < VOCABULARY) {
    const syllables = 1 + Math.floor(random() * 3) + (made.size > 1000 ? 1 : 0);
    const word = Array.from(
      { length: syllables },
      () => SYLLABLES[Math.floor(random() * SYLLABLES.length)],
    ).join('');
    if (word.length > 2 || made.size < 20) made.add(word);
  }
  return [...made];
}
