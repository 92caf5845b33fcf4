import type { Analyzer } from '@hakiri/core';
import { stem } from 'porter2';
import { type EachSpan, eachWord } from './words.ts';

/** Of the rules below and of Unicode's tables as far as they matter: a segment made by another version is made again. */
export const ANALYZER_VERSION = 1;

/** Before a surface form in the dictionary, so that it is no word anybody can look for. */
export const SURFACE = '\u0001';

const LONGEST_VALUE = 1024;
const STEMS_KEPT = 200_000;

export interface TextAnalyzer {
  readonly name: Analyzer;
  /** Whether surface forms that differ from their term are kept beside it, for prefixes. */
  readonly surfaces: boolean;
  /** Folded words in their order. */
  words(text: string, each: EachSpan): void;
  /** What a folded word is found by. */
  term(word: string): string;
}

const stems = new Map<string, string>();

const ANALYZERS: Readonly<Record<Analyzer, TextAnalyzer>> = {
  english: { name: 'english', surfaces: true, words: eachWord, term: stemmed },
  simple: { name: 'simple', surfaces: false, words: eachWord, term: (word) => word },
  none: {
    name: 'none',
    surfaces: false,
    words: (text, each) => {
      const value = wholeValue(text);
      if (value !== '') each(value, 0, value.length);
    },
    term: (word) => word,
  },
};

export function wordsOf(analyzer: TextAnalyzer, text: string): readonly string[] {
  const found: string[] = [];
  analyzer.words(text, (source, from, to) => found.push(source.slice(from, to)));
  return found;
}

export function textAnalyzer(name: Analyzer): TextAnalyzer {
  return ANALYZERS[name];
}

function stemmed(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const term = /^[a-z]+$/.test(word) ? stem(word) : word;
  if (stems.size >= STEMS_KEPT) stems.clear();
  stems.set(word, term);
  return term;
}

function wholeValue(text: string): string {
  return text.trim().slice(0, LONGEST_VALUE).toWellFormed();
}
