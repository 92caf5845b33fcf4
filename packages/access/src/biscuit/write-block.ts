import { type Block, type Fact, type Term, TIME_OPS, type TimeBound, type TimeCheck } from './block.ts';
import type { Symbols } from './symbols.ts';
import { type Part, textBytes, writeMessage } from './write-message.ts';

/** @param symbols of the blocks before; what this one needs more is added to them, and to it */
export function writeBlock({ facts, checks }: Block, version: number, symbols: Symbols): Uint8Array {
  const factParts = facts.map((fact): Part => [4, writeMessage([[1, predicate(fact, symbols)]])]);
  const checkParts = checks.map((check): Part => [6, writeCheck(check, symbols)]);
  const added = symbols.takeAdded().map((text): Part => [1, textBytes(text)]);
  return writeMessage([...added, [3, version], ...factParts, ...checkParts]);
}

function predicate({ name, terms }: Fact, symbols: Symbols): Uint8Array {
  return writeMessage([
    [1, symbols.index(name)],
    ...terms.map((term): Part => [2, writeTerm(term, symbols)]),
  ]);
}

function writeTerm(term: Term, symbols: Symbols): Uint8Array {
  switch (term.kind) {
    case 'integer':
      return writeMessage([[2, term.value]]);
    case 'text':
      return writeMessage([[3, symbols.index(term.text)]]);
    case 'texts': {
      const indexes = [...new Set(term.texts)].map((text) => symbols.index(text)).sort((a, b) => a - b);
      return writeMessage([[7, writeMessage(indexes.map((index): Part => [1, writeMessage([[3, index]])]))]]);
    }
  }
}

function writeCheck(check: TimeCheck, symbols: Symbols): Uint8Array {
  const variable = writeMessage([[1, symbols.index('t')]]);
  const head = writeMessage([[1, symbols.index('query')]]);
  const time = writeMessage([
    [1, symbols.index('time')],
    [2, variable],
  ]);
  const bounds = check.map((bound): Part => [3, writeBound(bound, variable)]);
  return writeMessage([[1, writeMessage([[1, head], [2, time], ...bounds])]]);
}

function writeBound({ op, seconds }: TimeBound, variable: Uint8Array): Uint8Array {
  const date = writeMessage([[4, seconds]]);
  const binary = writeMessage([[1, TIME_OPS.indexOf(op)]]);
  return writeMessage([
    [1, writeMessage([[1, variable]])],
    [1, writeMessage([[1, date]])],
    [1, writeMessage([[3, binary]])],
  ]);
}
