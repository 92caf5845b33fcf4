import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendSigned,
  createSymbols,
  type Fact,
  MAX_TOKEN_BYTES,
  signAuthority,
  toText,
  writeBlock,
  writeEnvelope,
} from '../../src/biscuit/index.ts';
import { textBytes, writeMessage } from '../../src/biscuit/write-message.ts';
import { KEY, testGate } from './support/parts.ts';

const text = (value: string) => ({ kind: 'text', text: value }) as const;
const AGENT: Fact = { name: 'agent', terms: [text('lead')] };

/** Below 16 KB with its signatures. */
const ROOM = MAX_TOKEN_BYTES - 500;

/** Signed as it should be: it is what it says that is meant to hurt. */
function signed(later: Uint8Array): string {
  const symbols = createSymbols();
  const authority = signAuthority(writeBlock({ facts: [AGENT], checks: [] }, 3, symbols), KEY.pair);
  return toText(writeEnvelope(appendSigned(authority, later)));
}

function filtering(...predicates: readonly string[]): string {
  const symbols = createSymbols();
  symbols.add(['agent', 'lead']);
  symbols.takeAdded();
  const facts = predicates.map((each): Fact => ({ name: 'row_filter', terms: [text('notes'), text(each)] }));
  return signed(writeBlock({ facts, checks: [] }, 3, symbols));
}

function fill(part: string, size: number): string {
  return part.repeat(Math.floor(size / part.length));
}

/** A block of rules, as a join over many facts would be. */
function ofRules(): Uint8Array {
  const predicate = writeMessage([
    [1, 4],
    [2, writeMessage([[3, 0]])],
  ]);
  const rule = writeMessage([[1, predicate], ...Array.from({ length: 20 }, () => [2, predicate] as const)]);
  const rules = Array.from({ length: Math.floor(ROOM / (rule.length + 3)) }, () => [5, rule] as const);
  return writeMessage([[3, 3], ...rules]);
}

/** A fact of a name without anything it is said of. */
const EMPTY = writeMessage([[1, writeMessage([[1, 4]])]]);

function ofSymbols(): Uint8Array {
  const symbols = Array.from(
    { length: Math.floor(ROOM / 6) },
    (_, i) => [1, textBytes(i.toString(36).padStart(4, '0'))] as const,
  );
  return writeMessage([...symbols, [3, 3], [4, EMPTY]]);
}

function nestedSets(): Uint8Array {
  let term: Uint8Array = writeMessage([[3, 0]]);
  while (term.length < ROOM - 200) term = writeMessage([[7, writeMessage([[1, term]])]]);
  const fact = writeMessage([
    [
      1,
      writeMessage([
        [1, 4],
        [2, term],
      ]),
    ],
  ]);
  return writeMessage([
    [3, 3],
    [4, fact],
  ]);
}

function ofFacts(): Uint8Array {
  const facts = Array.from({ length: Math.floor(ROOM / (EMPTY.length + 2)) }, () => [4, EMPTY] as const);
  return writeMessage([[3, 3], ...facts]);
}

const HOSTILE: Readonly<Record<string, string>> = {
  'a filter that is nested deep': filtering(`${'('.repeat(2000)}a = 1${')'.repeat(2000)}`),
  'a filter of nots': filtering(fill('not ', 4000)),
  'a filter of parentheses and values': filtering(`${fill('(', 4000)}`),
  'a filter of large numbers': filtering(
    ...Array.from({ length: 3 }, () => `a in (${fill('1e400,', 4000)}2`),
  ),
  'a filter of digits': filtering(`a = ${'9'.repeat(4090)} or`),
  'a filter of quotes': filtering(fill("a = '''' or ", 4000)),
  'a filter of spaces': filtering(`a = 1${' '.repeat(4000)}!`),
  'a filter that matches like a regular expression': filtering(
    `a like '${fill('%_', 900)}' and a like '${'\\'.repeat(901)}' escape '\\'`,
  ),
  'a filter of IS': filtering(`a${fill(' is null', 4000)} is`),
  'a filter that is too long': filtering(fill('a = 1 or ', 15_000)),
  'three filters and a half': filtering(
    ...Array.from({ length: 3 }, (_, i) => `${fill(`a${i} = 1 or `, 4000)} a`),
    'a =',
  ),
  'rules of twenty facts each': signed(ofRules()),
  'a table of symbols': signed(ofSymbols()),
  'sets in sets': signed(nestedSets()),
  'facts of nothing': signed(ofFacts()),
};

test('a hostile token of 16 KB is refused at once', (t) => {
  const { gate } = testGate();
  for (const [what, token] of Object.entries(HOSTILE)) {
    assert.throws(() => gate.verify(token), { code: /^token\.(invalid|too_large|widens)$/ }, what);
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      const from = performance.now();
      assert.throws(() => gate.verify(token));
      best = Math.min(best, performance.now() - from);
    }
    t.diagnostic(`${what}, ${token.length} characters: ${best.toFixed(2)} ms`);
    // 5 ms on a quiet machine.
    assert.ok(best < 50, `${what}: ${best} ms`);
  }
});
