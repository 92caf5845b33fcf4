import { textAnalyzer, wordsOf } from '../../packages/retrieval/src/text/analyzer.ts';

/** Every word of every row, to score them one after the other by the formula alone. */
export interface NaiveBm25 {
  add(text: string): void;
  /** Of every row that `visible` lets through; undefined: no word of the query is in it. */
  scores(words: readonly string[], visible: (row: number) => boolean): Float64Array;
}

export function naiveBm25(): NaiveBm25 {
  const analyzer = textAnalyzer('english');
  const ids = new Map<string, number>();
  const starts: number[] = [0];
  let terms = new Uint32Array(1 << 20);
  let used = 0;
  const idOf = (word: string): number => {
    const term = analyzer.term(word);
    const id = ids.get(term) ?? ids.size;
    ids.set(term, id);
    return id;
  };
  return {
    add(text) {
      for (const word of wordsOf(analyzer, text)) {
        if (used === terms.length) {
          const larger = new Uint32Array(used * 2);
          larger.set(terms);
          terms = larger;
        }
        terms[used++] = idOf(word);
      }
      starts.push(used);
    },
    scores(words, visible) {
      const rows = starts.length - 1;
      const scores = new Float64Array(rows);
      const asked = words.map(idOf);
      let seen = 0;
      let total = 0;
      for (let row = 0; row < rows; row++) {
        if (!visible(row)) continue;
        seen++;
        total += starts[row + 1]! - starts[row]!;
      }
      for (const id of asked) {
        const counts = new Uint32Array(rows);
        let having = 0;
        for (let row = 0; row < rows; row++) {
          if (!visible(row)) continue;
          for (let at = starts[row]!; at < starts[row + 1]!; at++) if (terms[at] === id) counts[row]!++;
          if (counts[row]! > 0) having++;
        }
        const idf = Math.log(1 + (seen - having + 0.5) / (having + 0.5));
        for (let row = 0; row < rows; row++) {
          const length = starts[row + 1]! - starts[row]!;
          const times = counts[row]!;
          if (times > 0) {
            scores[row]! += (idf * 2.2 * times) / (times + 1.2 * (0.25 + (0.75 * length * seen) / total));
          }
        }
      }
      return scores;
    },
  };
}
