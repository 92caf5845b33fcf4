import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyRow } from '../../src/sets/row-set.ts';
import { parseTextQuery, searchText, type TextClause } from '../../src/text/index.ts';
import { below, generator, segmentOf } from './corpus.ts';

/** As one would write them: `+word`, `"a phrase"`, `pre*`, `word^2`. */
function shown(text: string, analyzer: 'english' | 'simple' | 'none' = 'simple'): string {
  return parseTextQuery(text, analyzer).clauses.map(clauseText).join(' ');
}

function clauseText({ occur, match, times }: TextClause): string {
  const sign = occur === 'must' ? '+' : occur === 'not' ? '-' : '';
  const what =
    match.kind === 'word'
      ? match.term
      : match.kind === 'prefix'
        ? `${match.prefix}*`
        : `"${match.terms.join(' ')}"`;
  return sign + what + (times > 1 ? `^${times}` : '');
}

test('words, phrases, starts of words and signs', () => {
  assert.equal(shown('one two'), 'one two');
  assert.equal(shown('"one two" thr*'), '"one two" thr*');
  assert.equal(shown('+one -two +"three four" -fi*'), '+one -two +"three four" -fi*');
  assert.equal(shown('one "two three'), 'one "two three"');
  assert.equal(shown('"one"'), 'one');
});

test('AND, OR and NOT in capitals join what stands beside them', () => {
  assert.equal(shown('one AND two'), '+one +two');
  assert.equal(shown('one OR two'), 'one two');
  assert.equal(shown('one NOT two'), 'one -two');
  assert.equal(shown('one AND two OR three'), '+one +two three');
  assert.equal(shown('one AND NOT two'), '+one -two');
  assert.equal(shown('AND one OR'), 'one');
  assert.equal(shown('one and two'), 'one and two');
});

test('a word said twice counts twice', () => {
  assert.equal(shown('run running', 'english'), 'run^2');
  assert.equal(shown('run run runs'), 'run^2 runs');
});

test('what people and programs write is words', () => {
  assert.equal(shown("What's the cause? (it can't be: this!)"), 'what the cause it cant be this');
  assert.equal(shown('snake_case camelCase foo.bar()'), '"snake case" camelcase "foo bar"');
  assert.equal(shown('https://example.com/a?b=c#d'), '"https example com a b c d"');
  assert.equal(shown('read/write a=b x,y std::vec'), 'read write a b x y "std vec"');
  assert.equal(shown('-5 degrees --force -rf'), '5 degrees force -rf');
  assert.equal(shown('well-known e-mail'), '"well known" "e mail"');
  assert.equal(shown('🎉 -- ** "" + - *'), '');
  assert.equal(shown(''), '');
});

test('scripts without spaces are pairs of signs', () => {
  assert.equal(shown('東京タワー'), '"東京 京タ タワ ワー"');
  assert.equal(shown('東京'), '東京');
  assert.equal(shown('東'), '東*');
});

test('a whole value is one word', () => {
  assert.equal(shown(' In Progress ', 'none'), 'In Progress');
  assert.equal(shown('"a b"', 'none'), 'a b');
  assert.equal(shown('docs/*', 'none'), 'docs/*');
  assert.equal(shown('+a -b', 'none'), '+a -b');
});

test('of very many words the first 64 count', () => {
  const words = Array.from({ length: 500 }, (_, i) => `w${i}`).join(' ');
  assert.equal(parseTextQuery(words, 'simple').clauses.length, 64);
  assert.equal(parseTextQuery('a '.repeat(100_000), 'simple').clauses.length, 1);
});

test('anything is a query', () => {
  const random = generator(3);
  const signs = [
    ...'+-"*()[]{}:/\\.,;!?&|^~<>=@#$%_\'’ \n\t\u0000\ud800\udc00',
    'AND',
    'OR',
    'NOT',
    'word',
    'çé',
    '字',
    '👩‍👩‍👧',
    'e\u0301',
  ];
  const segment = segmentOf(['a word of çé', '字 and word'], 'english');
  for (let i = 0; i < 3000; i++) {
    const text = Array.from({ length: below(random, 12) }, () => signs[below(random, signs.length)]).join('');
    for (const analyzer of ['english', 'simple', 'none'] as const) parseTextQuery(text, analyzer);
    const query = parseTextQuery(text, 'english');
    searchText([{ fields: [segment], visible: everyRow(2) }], query, { k: 5 });
  }
});
