import {
  ACTIONS,
  type Action,
  COLUMN_ACTIONS,
  type ColumnAction,
  HakiriError,
  type Principal,
  type Restrictions,
  type Right,
} from '@hakiri/core';
import { type Block, type Fact, MAX_STATEMENTS, type TimeCheck, tooLarge } from '../biscuit/index.ts';
import type { BlockClaims, TokenClaims } from './claims.ts';
import { isName, isPipeline, isPredicate, isTable, isThumbprint, isZone, isZoneRule } from './names.ts';

/** A block as it was signed: `signedBy` is the thumbprint of the third party that signed it too. */
export interface OpenedBlock extends Block {
  readonly signedBy: string | undefined;
}

/**
 * What a token's blocks say in Hakiri's vocabulary. Whatever is not in it is refused, never left out.
 * @throws HakiriError token.invalid, token.widens, token.too_large
 */
export function readClaims(blocks: readonly OpenedBlock[]): TokenClaims {
  const statements = blocks.reduce((sum, { facts, checks }) => sum + facts.length + checks.length, 0);
  if (statements > MAX_STATEMENTS) throw tooLarge(`it says more than ${MAX_STATEMENTS} things`);
  const [authority, ...later] = blocks as [OpenedBlock, ...OpenedBlock[]];
  const subject = readSubject(authority.facts);
  const claims = [
    readBlockClaims(
      authority,
      authority.facts.filter(({ name }) => !SUBJECT.has(name)),
    ),
    ...later.map((block) => readBlockClaims(block, block.facts)),
  ];
  return {
    ...subject,
    principal: { ...subject.principal, delegates: claims.flatMap(({ delegate }) => delegate ?? []) },
    blocks: claims,
    notBeforeMs: latest(claims),
    expiresAtMs: soonest(claims),
    proofKey: proofKeyOf(blocks, claims, subject.proofKey),
  };
}

/** What counts in the authority block alone. `zone` is the subject's there, and a restriction in later ones. */
const SUBJECT: ReadonlySet<string> = new Set([
  'agent',
  'host',
  'on_behalf_of',
  'task',
  'zone',
  'right',
  'cnf_jkt',
]);

interface Subject extends Pick<TokenClaims, 'zone' | 'rights' | 'proofKey'> {
  readonly principal: Principal;
}

function readSubject(facts: readonly Fact[]): Subject {
  const one = (name: string, isValid: (text: string) => boolean): string | undefined => {
    const [fact, second] = facts.filter((each) => each.name === name);
    if (fact === undefined) return undefined;
    if (second !== undefined) throw refused(`says twice who its ${name} is`);
    return text(fact, 0, 1, isValid);
  };
  const agent = one('agent', isName);
  if (agent === undefined) throw refused('does not say who its agent is');
  const [host, onBehalfOf, task] = [one('host', isName), one('on_behalf_of', isName), one('task', isName)];
  return {
    principal: {
      agent,
      ...(host !== undefined && { host }),
      ...(onBehalfOf !== undefined && { onBehalfOf }),
      ...(task !== undefined && { task }),
      delegates: [],
    },
    zone: one('zone', isZone),
    proofKey: one('cnf_jkt', isThumbprint),
    rights: facts.filter(({ name }) => name === 'right').map(readRight),
  };
}

function readRight(fact: Fact): Right {
  const action = text(fact, 1, 2, isAction) as Action;
  return { table: text(fact, 0, 2, action === 'run' ? isPipeline : isTable), action };
}

function readBlockClaims({ checks, signedBy }: OpenedBlock, facts: readonly Fact[]): BlockClaims {
  const restrictions: { -readonly [Key in keyof Restrictions]: Mutable<Restrictions[Key]> } = {
    rows: [],
    columns: [],
    actions: [],
    minGroups: [],
  };
  let delegate: BlockClaims['delegate'];
  let proofKey: string | undefined;
  for (const fact of facts) {
    switch (fact.name) {
      case 'table':
        restrictions.tables = [...(restrictions.tables ?? []), text(fact, 0, 1, isTable)];
        break;
      case 'zone':
        restrictions.zones = [...(restrictions.zones ?? []), text(fact, 0, 1, isZoneRule)];
        break;
      case 'row_filter':
        restrictions.rows.push({
          table: text(fact, 0, 2, isTable),
          predicate: text(fact, 1, 2, isPredicate),
        });
        break;
      case 'columns':
        restrictions.columns.push({ table: text(fact, 0, 2, isTable), names: texts(fact, 1, 2) });
        break;
      case 'column':
        restrictions.actions.push({
          table: text(fact, 0, 3, isTable),
          column: text(fact, 1, 3, isName),
          action: text(fact, 2, 3, isColumnAction) as ColumnAction,
        });
        break;
      case 'min_group':
        restrictions.minGroups.push({ table: text(fact, 0, 2, isTable), rows: count(fact, 1, 2) });
        break;
      case 'delegate':
        if (delegate !== undefined) throw refused('says twice whom a block is for');
        delegate = readDelegate(fact);
        break;
      case 'cnf_jkt':
        if (signedBy === undefined) throw widens('changes the key of its proof of possession');
        if (proofKey !== undefined) throw refused('says twice which key is to be proven');
        proofKey = text(fact, 0, 1, isThumbprint);
        break;
      default:
        if (SUBJECT.has(fact.name)) throw widens(`says "${fact.name}" in a later block`);
        throw refused('says something outside the vocabulary');
    }
  }
  return { restrictions, delegate, proofKey, ...readTimes(checks) };
}

type Mutable<List> = List extends readonly (infer Item)[] ? Item[] : List;

function readDelegate(fact: Fact): NonNullable<BlockClaims['delegate']> {
  if (fact.terms.length === 1) return { agent: text(fact, 0, 1, isName) };
  return { agent: text(fact, 0, 2, isName), task: text(fact, 1, 2, isName) };
}

function readTimes(checks: readonly TimeCheck[]): Pick<BlockClaims, 'notBeforeMs' | 'expiresAtMs'> {
  let notBeforeMs: number | undefined;
  let expiresAtMs: number | undefined;
  for (const { op, seconds } of checks.flat()) {
    const ms = seconds * 1000;
    if (op === '<=' || op === '<') expiresAtMs = Math.min(expiresAtMs ?? Infinity, op === '<' ? ms - 1 : ms);
    else notBeforeMs = Math.max(notBeforeMs ?? -Infinity, op === '>' ? ms + 1 : ms);
  }
  return { notBeforeMs, expiresAtMs };
}

/** Passed on only by a block that the key it replaces has signed. */
function proofKeyOf(
  blocks: readonly OpenedBlock[],
  claims: readonly BlockClaims[],
  first: string | undefined,
): string | undefined {
  return blocks.reduce((current, { signedBy }, index) => {
    if (signedBy === undefined) return current;
    const next = claims[index]?.proofKey;
    if (next === undefined) throw refused('has a block of a third party that passes no key on');
    if (signedBy !== current) throw widens('passes proof of possession on without the key that held it');
    return next;
  }, first);
}

function latest(claims: readonly BlockClaims[]): number | undefined {
  const times = claims.flatMap(({ notBeforeMs }) => notBeforeMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

function soonest(claims: readonly BlockClaims[]): number | undefined {
  const times = claims.flatMap(({ expiresAtMs }) => expiresAtMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

const isAction = (word: string): boolean => (ACTIONS as readonly string[]).includes(word);
const isColumnAction = (word: string): boolean => (COLUMN_ACTIONS as readonly string[]).includes(word);

function text(fact: Fact, at: number, terms: number, isValid: (text: string) => boolean): string {
  const term = fact.terms[at];
  if (fact.terms.length !== terms || term?.kind !== 'text' || !isValid(term.text)) throw wrong(fact);
  return term.text;
}

function texts(fact: Fact, at: number, terms: number): readonly string[] {
  const term = fact.terms[at];
  if (fact.terms.length !== terms || term?.kind !== 'texts' || term.texts.length === 0) throw wrong(fact);
  if (!term.texts.every(isName)) throw wrong(fact);
  return term.texts;
}

function count(fact: Fact, at: number, terms: number): number {
  const term = fact.terms[at];
  if (fact.terms.length !== terms || term?.kind !== 'integer' || term.value < 1) throw wrong(fact);
  return term.value;
}

/** The name is one of the vocabulary. */
function wrong({ name }: Fact): HakiriError {
  return refused(`says "${name}" of something that it cannot be said of`);
}

function refused(what: string): HakiriError {
  return new HakiriError('token.invalid', `The token ${what}`);
}

function widens(what: string): HakiriError {
  return new HakiriError('token.widens', `The token ${what}`);
}
