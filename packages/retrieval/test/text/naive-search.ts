import type { Analyzer } from '@hakiri/core';
import { textAnalyzer, wordsOf } from '../../src/text/analyzer.ts';
import type { ParsedTextQuery, TextClause } from '../../src/text/index.ts';

/** Texts of a row, one of each field. */
export type NaiveRow = readonly (string | null)[];

interface NaiveField {
  readonly terms: readonly string[];
  readonly words: readonly string[];
}

/** BM25 as the books have it, over rows that are there in full: the score of every row that is found, by its index. */
export function naiveSearch(rows: readonly NaiveRow[], query: ParsedTextQuery): ReadonlyMap<number, number> {
  const analysed = rows.map((row) => row.map((text) => analyse(text ?? '', query.analyzer)));
  const fields = rows[0]?.length ?? 0;
  const average = Array.from(
    { length: fields },
    (_, f) => analysed.reduce((sum, row) => sum + row[f]!.words.length, 0) / rows.length,
  );
  const counts = query.clauses.map(({ match }) =>
    analysed.map((row) => row.map((field) => count(field, match, query.analyzer))),
  );
  const idf = (withTerm: number): number => Math.log(1 + (rows.length - withTerm + 0.5) / (withTerm + 0.5));
  const weights = query.clauses.map(({ match }, c) =>
    Array.from({ length: fields }, (_, f) => {
      if (match.kind !== 'phrase') return idf(counts[c]!.filter((row) => row[f]! > 0).length);
      return match.terms.reduce(
        (sum, term) => sum + idf(analysed.filter((row) => row[f]!.terms.includes(term)).length),
        0,
      );
    }),
  );
  const found = new Map<number, number>();
  const needed = query.clauses.some(({ occur }) => occur === 'must') ? 'must' : 'should';
  for (let row = 0; row < rows.length; row++) {
    const has = (c: number): boolean => counts[c]![row]!.some((times) => times > 0);
    const of = (occur: TextClause['occur']): readonly number[] =>
      query.clauses.flatMap((clause, c) => (clause.occur === occur ? [c] : []));
    if (of('not').some(has)) continue;
    if (needed === 'must' ? !of('must').every(has) : !of('should').some(has)) continue;
    let score = 0;
    for (const [c, clause] of query.clauses.entries()) {
      if (clause.occur === 'not') continue;
      for (let f = 0; f < fields; f++) {
        const times = counts[c]![row]![f]!;
        const length = analysed[row]![f]!.words.length;
        const norm = 1.2 * (0.25 + (0.75 * length) / average[f]!);
        if (times > 0) score += (clause.times * weights[c]![f]! * 2.2 * times) / (times + norm);
      }
    }
    found.set(row, score);
  }
  return found;
}

function analyse(text: string, name: Analyzer): NaiveField {
  const analyzer = textAnalyzer(name);
  const words = wordsOf(analyzer, text);
  return { words, terms: words.map((word) => analyzer.term(word)) };
}

function count({ terms, words }: NaiveField, match: TextClause['match'], analyzer: Analyzer): number {
  if (match.kind === 'word') return terms.filter((term) => term === match.term).length;
  if (match.kind === 'phrase') {
    return terms.filter((_, at) => match.terms.every((term, i) => terms[at + i] === term)).length;
  }
  const { prefix } = match;
  return words.filter(
    (word, i) => terms[i]!.startsWith(prefix) || (analyzer === 'english' && word.startsWith(prefix)),
  ).length;
}
