import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyRow } from '../../src/sets/row-set.ts';
import { textAnalyzer, wordsOf } from '../../src/text/analyzer.ts';
import { parseTextQuery, searchText } from '../../src/text/index.ts';
import { segmentOf } from './corpus.ts';

function words(text: string, name: 'english' | 'simple' | 'none' = 'simple'): readonly string[] {
  const analyzer = textAnalyzer(name);
  return wordsOf(analyzer, text).map((word) => analyzer.term(word));
}

test('case, accents and compatibility forms make no difference', () => {
  assert.deepEqual(words('Straße STRASSE naïve NAIVE'), ['strasse', 'strasse', 'naive', 'naive']);
  assert.deepEqual(words('ﬁne ＡＢＣ ℡ ½'), ['fine', 'abc', 'tel', '1', '2']);
  assert.deepEqual(words('Ærøskøbing Łódź İstanbul'), ['aeroskobing', 'lodz', 'istanbul']);
  assert.deepEqual(words('ΟΔΟΣ οδος'), ['οδοσ', 'οδοσ']);
  assert.deepEqual(words('e\u0301te\u0301 été'), ['ete', 'ete']);
});

test('words are letters and digits; names are taken apart', () => {
  assert.deepEqual(words('snake_case kebab-case a.b.c'), ['snake', 'case', 'kebab', 'case', 'a', 'b', 'c']);
  assert.deepEqual(words("dog's dogs' can’t 'quoted'"), ['dog', 'dogs', 'cant', 'quoted']);
  assert.deepEqual(words('a🎉b \u0000 c'), ['a', 'b', 'c']);
});

test('english words are stemmed', () => {
  assert.deepEqual(words('running connections happily', 'english'), ['run', 'connect', 'happili']);
});

test('scripts without spaces are pairs, vowel signs and voice marks are kept', () => {
  assert.deepEqual(words('東京タワー tower 字'), ['東京', '京タ', 'タワ', 'ワー', 'tower', '字']);
  assert.deepEqual(words('がか'), ['がか']);
  assert.deepEqual(words('दिल्ली'), ['दिल्ली']);
  assert.deepEqual(words('한국어'), ['한국', '국어']);
  assert.deepEqual(words('𠮷野'), ['𠮷野']);
});

test('a lone surrogate and a very long word do no harm', () => {
  assert.deepEqual(words('a\ud800b'), ['a', 'b']);
  assert.deepEqual(
    words('x'.repeat(1000)).map((word) => word.length),
    [64],
  );
  const [value] = words('𠮷'.repeat(1000), 'none');
  assert.ok(value!.isWellFormed() && value!.length <= 1024);
});

test('a row is found by every form of what it says', () => {
  const texts = [
    'Die Straße nach Łódź',
    '東京タワーの写真',
    "The dog's connections",
    'snake_case and foo.bar()',
  ];
  const segment = segmentOf(texts, 'english');
  const found = (query: string): readonly number[] =>
    searchText([{ fields: [segment], visible: everyRow(4) }], parseTextQuery(query, 'english'), {
      k: 10,
    }).hits.map(({ ordinal }) => ordinal);
  assert.deepEqual(found('strasse'), [0]);
  assert.deepEqual(found('LODZ'), [0]);
  assert.deepEqual(found('タワー'), [1]);
  assert.deepEqual(found('東'), [1]);
  assert.deepEqual(found('connected dogs'), [2]);
  assert.deepEqual(found('connectio*'), [2]);
  assert.deepEqual(found('connectiv*'), []);
  assert.deepEqual(found('snake_case'), [3]);
  assert.deepEqual(found('foo.bar'), [3]);
  assert.deepEqual(found('"the dog connections"'), [2]);
});
