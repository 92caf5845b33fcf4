import type { Analyzer } from '@hakiri/core';
import { textAnalyzer, wordsOf } from './analyzer.ts';
import { isSingleSign } from './words.ts';

/** What is looked for, in the terms of an analyzer. */
export interface ParsedTextQuery {
  readonly analyzer: Analyzer;
  /** None of them twice: `times` counts. */
  readonly clauses: readonly TextClause[];
}

export interface TextClause {
  /** Of clauses that only should be there one must, unless another must. */
  readonly occur: 'must' | 'should' | 'not';
  readonly match: TextMatch;
  /** How often the query says it: it counts as often. */
  readonly times: number;
}

export type TextMatch =
  | { readonly kind: 'word'; readonly term: string }
  /** One after the other, in one column. */
  | { readonly kind: 'phrase'; readonly terms: readonly string[] }
  /** Words whose folded form starts so, or whose stem does. */
  | { readonly kind: 'prefix'; readonly prefix: string };

/** Of clauses and of words in a phrase; what is past them is left out. */
const MOST = 64;
const LONGEST_QUERY = 16_384;

/** A quoted text, or what stands between spaces; with a sign before it. */
const PIECES = /([+-]?)"([^"]*)"?|(\S+)/gu;
/** What people and programs write between words without a space. A name (`a_b`, `a.b`, `a-b`, `a@b`) stays together. */
const BREAKS = /[,;|()[\]{}<>"`“”„«»!?=/\\&…—–]+|(?<!:):(?!:)|\.{2,}/u;

/**
 * Words, "phrases", pref*, +must, -not, AND, OR, NOT (in capitals). Anything is a query: what is none of these is
 * words and what lies between them. A name of several words (`snake_case`, `foo.bar()`, an address) is a phrase.
 */
export function parseTextQuery(text: string, analyzer: Analyzer): ParsedTextQuery {
  const query = text.slice(0, LONGEST_QUERY).toWellFormed();
  return { analyzer, clauses: merged(analyzer === 'none' ? wholeValue(query) : clausesOf(query, analyzer)) };
}

interface Draft {
  occur: TextClause['occur'];
  readonly matches: readonly TextMatch[];
}

function wholeValue(query: string): readonly Draft[] {
  const value = query.trim();
  const quoted = /^"([^"]*)"$/u.exec(value)?.[1];
  const matches =
    quoted === undefined && value.length > 1 && value.endsWith('*')
      ? [{ kind: 'prefix', prefix: value.slice(0, -1) } as const]
      : folded(quoted ?? value, 'none').map((term) => ({ kind: 'word', term }) as const);
  return [{ occur: 'should', matches }];
}

function clausesOf(query: string, analyzer: Analyzer): readonly Draft[] {
  const drafts: Draft[] = [];
  let joins: 'AND' | 'NOT' | undefined;
  for (const [, sign, quoted, piece] of query.matchAll(PIECES)) {
    if (piece === 'AND' || piece === 'OR' || piece === 'NOT') {
      const before = drafts.at(-1);
      if (piece === 'AND' && before?.occur === 'should') before.occur = 'must';
      joins = piece === 'OR' ? undefined : piece === 'AND' && before === undefined ? undefined : piece;
      continue;
    }
    const draft =
      piece === undefined ? quotedDraft(sign ?? '', quoted ?? '', analyzer) : pieceDraft(piece, analyzer);
    if (draft.matches.length === 0) continue;
    if (joins === 'NOT') draft.occur = 'not';
    else if (joins === 'AND' && draft.occur === 'should') draft.occur = 'must';
    joins = undefined;
    drafts.push(draft);
  }
  return drafts;
}

function occurOf(sign: string): TextClause['occur'] {
  return sign === '+' ? 'must' : sign === '-' ? 'not' : 'should';
}

function quotedDraft(sign: string, quoted: string, analyzer: Analyzer): Draft {
  return { occur: occurOf(sign), matches: togetherOf(quoted, analyzer) };
}

function pieceDraft(piece: string, analyzer: Analyzer): Draft {
  // A number below zero and an option of a program are no exclusions.
  const [, sign = '', rest = ''] = /^([+]|-(?=\p{L}))?(.*)$/su.exec(piece) ?? [];
  const occur = occurOf(sign);
  if (rest.includes('://')) return { occur, matches: togetherOf(rest, analyzer) };
  return { occur, matches: rest.split(BREAKS).flatMap((part) => partMatches(part, analyzer)) };
}

function partMatches(part: string, analyzer: Analyzer): readonly TextMatch[] {
  const prefix = /^(.*[\p{L}\p{N}\p{M}])\*+$/su.exec(part)?.[1];
  if (prefix === undefined) return togetherOf(part, analyzer);
  const found = folded(prefix, analyzer);
  const last = found.at(-1);
  if (last === undefined) return [];
  return [...together(found.slice(0, -1), analyzer), { kind: 'prefix', prefix: last }];
}

function togetherOf(text: string, analyzer: Analyzer): readonly TextMatch[] {
  return together(folded(text, analyzer), analyzer);
}

function together(found: readonly string[], analyzer: Analyzer): readonly TextMatch[] {
  const [only] = found;
  if (only === undefined) return [];
  const { term } = textAnalyzer(analyzer);
  if (found.length > 1) return [{ kind: 'phrase', terms: found.slice(0, MOST).map(term) }];
  return [isSingleSign(only) ? { kind: 'prefix', prefix: only } : { kind: 'word', term: term(only) }];
}

function folded(text: string, analyzer: Analyzer): readonly string[] {
  return wordsOf(textAnalyzer(analyzer), text);
}

function merged(drafts: readonly Draft[]): readonly TextClause[] {
  const clauses = new Map<string, TextClause>();
  for (const { occur, matches } of drafts) {
    for (const match of matches) {
      const key = JSON.stringify([occur, match]);
      const known = clauses.get(key);
      if (known === undefined && clauses.size === MOST) continue;
      clauses.set(key, { occur, match, times: (known?.times ?? 0) + 1 });
    }
  }
  return [...clauses.values()];
}
