import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_SCHEMA, type LogicalType, type TableSchema } from '@hakiri/core';
import { fuzzCount, type Random, underSeeds } from '../../../../test/support/random.ts';
import { Intake } from '../../src/scan/index.ts';
import {
  conforms,
  isObject,
  type Parsed,
  parseExactly,
  type Rules,
  sameUpToRewrites,
} from './conformance.ts';
import { mutated, numberText, stringText, WORDS } from './json-text.ts';

const FUZZ_COUNT = fuzzCount(300);

/** A value before it is text, so that an object can hold a key twice. */
type Tree =
  | string
  | { readonly items: readonly Tree[] }
  | { readonly members: readonly (readonly [string, Tree])[] };

interface Line {
  readonly text: string;
  /** Absent where the text was damaged afterwards. */
  readonly tree?: Tree;
}

const SCALARS = ['boolean', 'int64', 'double', 'string', 'json', 'int8', 'int32', 'timestamp'] as const;
const DECIMALS: readonly LogicalType[] = [
  { kind: 'decimal', precision: 38, scale: 4 },
  { kind: 'decimal', precision: 18, scale: 2 },
  { kind: 'decimal', precision: 4, scale: 4 },
  { kind: 'decimal', precision: 38, scale: 18 },
];
const NAMES = ['id', 'a', 'b', 'name_of_more_than_16_bytes', 'ünï', 'x y', '+1'];

function randomType(random: Random, depth: number): LogicalType {
  const kind = random.below(depth > 0 ? 10 : 7);
  if (kind < 7) {
    return random.chance(0.15) ? random.pick(DECIMALS) : { kind: random.pick(SCALARS) };
  }
  if (kind === 7) return { kind: 'list', item: randomType(random, depth - 1) };
  return { kind: 'struct', fields: randomFields(random, depth - 1) };
}

function randomFields(random: Random, depth: number): { name: string; type: LogicalType }[] {
  const names = NAMES.filter(() => random.chance(0.5));
  return (names.length > 0 ? names : ['id']).map((name) => ({ name, type: randomType(random, depth) }));
}

/** A value that most often fits the type. */
function treeFor(random: Random, type: LogicalType, noise: number): Tree {
  if (random.chance(0.1)) return 'null';
  if (random.chance(noise)) return anyTree(random, 2);
  switch (type.kind) {
    case 'boolean':
      return random.pick(['true', 'false']);
    case 'int8':
    case 'int32':
    case 'int64':
      return random.chance(0.9)
        ? String(random.below(100) - 50)
        : random.pick(['"17"', '1.0', '2e1', '9223372036854775807']);
    case 'double':
      return numberText(random);
    case 'decimal': {
      const digits = String(random.below(100_000));
      const text = random.chance(0.3) ? numberText(random) : `${digits}.${random.below(1000)}`;
      return random.chance(0.5) ? JSON.stringify(text) : random.pick([text, digits]);
    }
    case 'list':
      return { items: Array.from({ length: random.below(4) }, () => treeFor(random, type.item, noise)) };
    case 'struct': {
      const fields = type.fields.filter(() => random.chance(0.9));
      if (random.chance(0.2)) fields.reverse();
      const members = fields.map((field) => [field.name, treeFor(random, field.type, noise)] as const);
      const first = members[0];
      return { members: first !== undefined && random.chance(noise / 4) ? [...members, first] : members };
    }
    case 'json':
      return anyTree(random, 2);
    default:
      return stringText(random);
  }
}

function anyTree(random: Random, depth: number): Tree {
  const kind = random.below(depth > 0 ? 6 : 4);
  if (kind === 0) return random.pick(WORDS);
  if (kind === 1) return numberText(random);
  if (kind <= 3) return stringText(random);
  const length = random.below(3);
  if (kind === 4) return { items: Array.from({ length }, () => anyTree(random, depth - 1)) };
  const names = [...NAMES, 'A', 'Id', '7', 'c/d', 'extra'];
  return { members: Array.from({ length }, () => [random.pick(names), anyTree(random, depth - 1)] as const) };
}

function textOf(random: Random, tree: Tree): string {
  if (typeof tree === 'string') return tree;
  const blank = () => (random.chance(0.9) ? '' : random.pick([' ', '\t', '  ', '\r']));
  const wrap = (text: string) => blank() + text + blank();
  if ('items' in tree)
    return `[${tree.items.map((item) => wrap(textOf(random, item))).join(',') || blank()}]`;
  const key = (name: string) => (random.chance(0.02) && name === 'a' ? '"\\u0061"' : JSON.stringify(name));
  return `{${tree.members.map(([name, item]) => `${wrap(key(name))}:${wrap(textOf(random, item))}`).join(',') || blank()}}`;
}

function linesFor(random: Random, schema: TableSchema, noise: number): Line[] {
  const lines = Array.from({ length: 1 + random.below(8) }, (): Line => {
    const tree = treeFor(random, { kind: 'struct', fields: schema.columns }, noise);
    return { tree, text: textOf(random, tree) };
  });
  return lines.flatMap((line) => (random.chance(noise) ? damaged(random, line) : [line]));
}

function damaged(random: Random, line: Line): Line[] {
  const text = mutated(random, Buffer.from(line.text)).toString();
  return text.split('\n').map((part) => ({ text: part }));
}

interface Taken {
  readonly line: Line;
  readonly input: Parsed;
  readonly output: Parsed;
}

/** Checks a block and matches what came out with what went in, in order. */
function takeBlock(
  intake: Intake,
  lines: readonly Line[],
): { taken: Taken[]; refused: { line: Line; code: string }[] } {
  const result = intake.check(Buffer.from(lines.map((line) => `${line.text}\n`).join('')));
  const accepted = Buffer.concat(result.accepted).toString().split('\n').slice(0, -1);
  const present = lines.filter((line) => /[^ \t\r]/.test(line.text));
  assert.equal(result.rows, accepted.length, 'rows counts what was accepted');
  assert.equal(accepted.length + result.setAside.length, present.length, 'no line is lost');
  const longest = Math.max(0, ...accepted.map((line) => Buffer.byteLength(line) + 1));
  assert.equal(result.largestRecordBytes, longest);
  const taken: Taken[] = [];
  const refused: { line: Line; code: string }[] = [];
  let asideAt = 0;
  let acceptedAt = 0;
  for (const line of present) {
    const aside = result.setAside[asideAt];
    const output = accepted[acceptedAt];
    // What was accepted once is accepted again, so of two equal lines the first is the refused one.
    if (aside !== undefined && Buffer.from(aside.record).toString() === line.text) {
      refused.push({ line, code: aside.code });
      asideAt++;
      continue;
    }
    assert.ok(
      output !== undefined && isOutputOf(line, output),
      `changed: ${JSON.stringify(line.text)} to ${output}`,
    );
    taken.push({ line, input: parseExactly(line.text), output: parseExactly(output) });
    acceptedAt++;
  }
  return { taken, refused };
}

function isOutputOf(line: Line, output: string | undefined): boolean {
  if (output === undefined || !isJson(line.text)) return false;
  return sameUpToRewrites(parseExactly(line.text), parseExactly(output));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether an object outside json holds two keys that the engine cannot tell apart. */
function hasTwins(type: LogicalType, tree: Tree, open: boolean): boolean {
  if (typeof tree === 'string') return false;
  if ('items' in tree)
    return type.kind === 'list' && tree.items.some((item) => hasTwins(type.item, item, open));
  if (type.kind !== 'struct') return false;
  const fields = new Map(type.fields.map((field) => [field.name, field.type]));
  const members = tree.members.filter(([name]) => !open || fields.has(name));
  if (new Set(members.map(([name]) => name.toLowerCase())).size < members.length) return true;
  return members.some(([name, item]) => hasTwins(fields.get(name)!, item, open));
}

function checkRefusals(refused: readonly { line: Line; code: string }[]): void {
  for (const { line, code } of refused) {
    assert.equal(code === 'record.malformed_json', !isJson(line.text), `${code}: ${line.text}`);
    if (code === 'record.not_object') assert.ok(!isObject(parseExactly(line.text)), line.text);
  }
}

function checkTaken(schema: TableSchema, taken: readonly Taken[], rules: Rules): void {
  for (const { line, output } of taken) {
    const about = `${line.text} with ${JSON.stringify(schema)}`;
    assert.ok(conforms(schema, output, rules), `does not conform: ${about}`);
    if (line.tree === undefined) continue;
    assert.ok(
      !hasTwins({ kind: 'struct', fields: schema.columns }, line.tree, rules.open),
      `twins: ${about}`,
    );
  }
}

test('what is accepted is unchanged and conforms to the schema of its part', () => {
  underSeeds(FUZZ_COUNT * 3, (random) => {
    const meant = { columns: randomFields(random, 3) };
    const noise = random.pick([0, 0.02, 0.1, 0.4]);
    const primaryKey = random.chance(0.2) ? ['id'] : [];
    const options = {
      declared: EMPTY_SCHEMA,
      primaryKey,
      onConflict: random.pick(['quarantine', 'json'] as const),
    };
    let intake = new Intake({ ...options, known: EMPTY_SCHEMA, unknownColumns: 'add', keyed: true });
    let part: Taken[] = [];
    for (let batch = 1 + random.below(6); batch > 0; batch--) {
      const { taken, refused } = takeBlock(intake, linesFor(random, meant, noise));
      checkRefusals(refused);
      for (const { output } of taken) {
        for (const name of primaryKey)
          assert.ok(isObject(output) && (output[name] ?? null) !== null, JSON.stringify(output));
      }
      part.push(...taken);
      if (!random.chance(0.4)) continue;
      intake.freeze();
      checkTaken(intake.schema, part, { declared: false, open: false });
      part = [];
      if (random.chance(0.3))
        intake = new Intake({ ...options, known: intake.schema, unknownColumns: 'add', keyed: true });
    }
    checkTaken(intake.schema, part, { declared: false, open: false });
  });
});

test('under declared columns a record is accepted exactly when it fits them', () => {
  underSeeds(FUZZ_COUNT * 3, (random) => {
    const declared = { columns: randomFields(random, 3) };
    const unknownColumns = random.pick(['add', 'drop'] as const);
    const rules = { declared: true, open: unknownColumns === 'drop' };
    const intake = new Intake({
      known: EMPTY_SCHEMA,
      declared,
      primaryKey: [],
      onConflict: 'quarantine',
      unknownColumns,
      keyed: true,
    });
    const type: LogicalType = { kind: 'struct', fields: declared.columns };
    for (let batch = 0; batch < 3; batch++) {
      const { taken, refused } = takeBlock(intake, linesFor(random, declared, random.pick([0, 0.1, 0.4])));
      checkRefusals(refused);
      if (unknownColumns === 'drop') checkTaken(declared, taken, rules);
      for (const { line, code } of refused) {
        if (line.tree === undefined || code === 'record.malformed_json') continue;
        const known = new Set(declared.columns.map((column) => column.name));
        const foreign = !rules.open && 'members' in Object(line.tree) && hasForeign(line.tree, known);
        const isFit: boolean =
          conforms(declared, parseExactly(line.text), rules) && !hasTwins(type, line.tree, rules.open);
        assert.ok(foreign || !isFit, `refused for ${code}: ${line.text} with ${JSON.stringify(declared)}`);
      }
    }
  });
});

function hasForeign(tree: Tree, known: ReadonlySet<string>): boolean {
  return typeof tree !== 'string' && 'members' in tree && tree.members.some(([name]) => !known.has(name));
}

test('the fate of a record does not depend on how the lines are cut into blocks', () => {
  underSeeds(FUZZ_COUNT, (random) => {
    const meant = { columns: randomFields(random, 3) };
    const options = {
      known: EMPTY_SCHEMA,
      declared: EMPTY_SCHEMA,
      primaryKey: [],
      onConflict: 'quarantine',
      unknownColumns: 'add',
      keyed: true,
    } as const;
    const lines = linesFor(random, meant, 0.1).concat(linesFor(random, meant, 0.1));
    const together = new Intake(options);
    const whole = together.check(Buffer.from(lines.map((line) => `${line.text}\n`).join('')));
    const alone = new Intake(options);
    const parts = lines.map((line) => alone.check(Buffer.from(`${line.text}\n`)));
    assert.deepEqual(alone.schema, together.schema);
    assert.deepEqual(Buffer.concat(parts.flatMap((p) => p.accepted)), Buffer.concat(whole.accepted));
    assert.deepEqual(
      parts.flatMap((p) => p.setAside),
      whole.setAside,
    );
  });
});
