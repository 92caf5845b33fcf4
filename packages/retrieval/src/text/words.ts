/** Longer words are cut. */
export const LONGEST_WORD = 64;

const SEPARATOR = 0;
const WORD = 1;
/** Written without spaces between words: pairs of neighbours are the words. */
const PAIRED = 2;
const APOSTROPHE = 3;
const UNKNOWN = 255;

const PAIRED_SCRIPTS =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]$/u;
const WORD_LETTERS = /^[\p{L}\p{N}\p{M}]$/u;

/** Of UTF-16 code units, filled as they are met; the two halves of a pair are told by the whole. */
const classes = new Uint8Array(0x10000).fill(UNKNOWN);

/** What NFKD leaves together. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ŧ: 't',
  ŋ: 'n',
  ĸ: 'k',
  ς: 'σ',
};
const LETTERS_LEFT = /[ßæœøđðþłħıŧŋĸς]/g;
/** Accents and vowel points; not the vowel signs of Indic scripts nor the voice marks of kana, which are letters. */
const ACCENTS =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: the marks themselves are what is looked for
  /[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]|\u00ad|\u200b|\u200c|\u200d|\u2060/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is what is asked for
const ASCII = /^[\x00-\x7f]*$/;

/** Without case, accents and compatibility forms: `Straße` and `STRASSE` are one. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return text
    .toWellFormed()
    .replaceAll('\u2019', "'")
    .normalize('NFKD')
    .toLowerCase()
    .replace(ACCENTS, '')
    .replace(LETTERS_LEFT, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFC');
}

/** A word lies in `source` from `from` to `to`. */
export type EachSpan = (source: string, from: number, to: number) => void;

/** The folded words of a text in their order. `'s` at the end of one is dropped, another apostrophe in it left out. */
export function eachWord(text: string, each: EachSpan): void {
  const folded = fold(text);
  const length = folded.length;
  let at = 0;
  while (at < length) {
    const kind = classAt(folded, at);
    if (kind === WORD) at = takeWord(folded, at, each);
    else if (kind === PAIRED) at = takePairs(folded, at, each);
    else at += widthAt(folded, at);
  }
}

function takeWord(folded: string, from: number, each: EachSpan): number {
  const { length } = folded;
  let at = from;
  while (at < length && classes[folded.charCodeAt(at)] === WORD) at++;
  let apostrophes = false;
  for (; at < length; at += widthAt(folded, at)) {
    const kind = classAt(folded, at);
    if (kind === WORD) continue;
    if (kind !== APOSTROPHE || at + 1 >= length || classAt(folded, at + 1) !== WORD) break;
    apostrophes = true;
  }
  if (!apostrophes && at - from <= LONGEST_WORD) {
    each(folded, from, at);
    return at;
  }
  const word = withoutApostrophes(folded.slice(from, at));
  const cut = word.length > LONGEST_WORD ? word.slice(0, LONGEST_WORD).toWellFormed() : word;
  each(cut, 0, cut.length);
  return at;
}

function withoutApostrophes(word: string): string {
  return (word.endsWith("'s") ? word.slice(0, -2) : word).replaceAll("'", '');
}

function takePairs(folded: string, from: number, each: EachSpan): number {
  let previous = from;
  let at = from + widthAt(folded, from);
  if (at >= folded.length || classAt(folded, at) !== PAIRED) {
    each(folded, from, at);
    return at;
  }
  while (at < folded.length && classAt(folded, at) === PAIRED) {
    const end = at + widthAt(folded, at);
    each(folded, previous, end);
    previous = at;
    at = end;
  }
  return at;
}

function classAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const known = classes[unit]!;
  if (known !== UNKNOWN) return known;
  if (unit >= 0xd800 && unit <= 0xdfff) return classOf(String.fromCodePoint(text.codePointAt(at)!));
  const found = classOf(String.fromCharCode(unit));
  classes[unit] = found;
  return found;
}

function classOf(letter: string): number {
  if (letter === "'") return APOSTROPHE;
  if (PAIRED_SCRIPTS.test(letter)) return PAIRED;
  return WORD_LETTERS.test(letter) ? WORD : SEPARATOR;
}

function widthAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff && at + 1 < text.length ? 2 : 1;
}

/** Whether a folded text is one sign of a script whose words are pairs: it is found as the start of one. */
export function isSingleSign(word: string): boolean {
  return word.length === widthAt(word, 0) && classAt(word, 0) === PAIRED;
}
