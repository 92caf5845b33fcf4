import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { type AuditFinding, type FindingKind, verifyAudit } from '../../src/audit/index.ts';
import { auditFolder, KEYS, LEAD, NODE, OTHER_KEYS, openTestAudit, returned, testClock } from './support.ts';

const DAYS = ['2026-11-20', '2026-11-21', '2026-11-22'];
/** Each has as many records, seven a checkpoint. */
const A_DAY = 12;
const SAMPLE_MS = 1_500;

/** A log of three days as it should be. */
async function wholeLog(t: TestContext, keys = KEYS): Promise<string> {
  const { folder } = auditFolder(t);
  const clock = testClock();
  const log = openTestAudit(folder, { clock, keys, checkpointEvery: { records: 7, ms: 1e9 } });
  for (const day of DAYS) {
    clock.set(`${day}T10:00:00.000Z`);
    for (let i = 0; i < A_DAY; i++)
      await log.record(returned('orders', [i, i + 1], i % 3 ? LEAD : undefined));
  }
  await log.close();
  return folder;
}

interface Mutation {
  readonly name: string;
  /** Where it has to be found. */
  readonly file: string;
  readonly line: number;
  readonly kinds: readonly FindingKind[];
}

type Change = (lines: string[]) => Omit<Mutation, 'name' | 'file'>;

const CHANGES: Readonly<
  Record<string, (random: Random, foreign: readonly string[], isLastDay: boolean) => Change>
> = {
  'a byte changed': (random) => (lines) => {
    const i = random.below(lines.length);
    const bytes = Buffer.from(lines[i] ?? '');
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(7));
    const text = bytes.toString('latin1');
    lines[i] = text;
    // Two lines of one, where the byte became a newline.
    return { line: i + 1, kinds: ['changed', 'inserted', 'cut'] };
  },
  'a value changed, and hashed anew': (random, foreign) => (lines) => {
    const i = random.below(lines.length);
    lines[i] = foreign[random.below(foreign.length)] ?? '';
    return { line: i + 1, kinds: ['changed'] };
  },
  'lines removed': (random, _, isLastDay) => (lines) => {
    const i = random.below(lines.length);
    const count = 1 + random.below(Math.min(3, lines.length - i));
    lines.splice(i, count);
    const isEnd = i === lines.length;
    return { line: isEnd && !isLastDay ? -1 : i + 1, kinds: isEnd && isLastDay ? ['cut'] : ['missing'] };
  },
  'two lines in each other’s place': (random) => (lines) => {
    const i = random.below(lines.length - 1);
    const j = i + 1 + random.below(lines.length - 1 - i);
    [lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''];
    return { line: i + 1, kinds: ['reordered'] };
  },
  'a line once more': (random) => (lines) => {
    const from = random.below(lines.length);
    const to = from + 1 + random.below(lines.length - from);
    lines.splice(to, 0, lines[from] ?? '');
    return { line: to + 1, kinds: ['inserted'] };
  },
  'a line of another log': (random, foreign) => (lines) => {
    const i = random.below(lines.length + 1);
    lines.splice(i, 0, foreign[random.below(foreign.length)] ?? '');
    return { line: i + 1, kinds: ['inserted'] };
  },
  'an empty line': (random) => (lines) => {
    const i = random.below(lines.length + 1);
    lines.splice(i, 0, '');
    return { line: i + 1, kinds: ['inserted'] };
  },
  'a newline gone': (random) => (lines) => {
    const i = random.below(lines.length - 1);
    lines.splice(i, 2, `${lines[i]}${lines[i + 1]}`);
    return { line: i + 1, kinds: ['changed'] };
  },
};

/** Changes a copy of the log. */
function mutate(random: Random, node: string, foreign: readonly string[]): Mutation {
  const day = random.pick(DAYS);
  const file = `${day}.jsonl`;
  const path = join(node, file);
  const isLastDay = day === DAYS.at(-1);
  const nextDay = `${DAYS[DAYS.indexOf(day) + 1]}.jsonl`;
  switch (random.below(12)) {
    case 0: {
      rmSync(path);
      if (isLastDay) return { name: 'the last day removed', file, line: 1, kinds: ['cut'] };
      return { name: 'a day removed', file: nextDay, line: 1, kinds: ['missing'] };
    }
    case 1: {
      const bytes = readFileSync(path);
      const at = random.below(bytes.length);
      writeFileSync(path, bytes.subarray(0, at));
      const whole = bytes.subarray(0, at).toString('latin1').split('\n');
      const isBetween = whole.at(-1) === '';
      if (isLastDay) return { name: 'the end cut off', file, line: whole.length, kinds: ['cut'] };
      if (isBetween) return { name: 'the end of a day cut off', file: nextDay, line: 1, kinds: ['missing'] };
      return { name: 'a day cut inside a line', file, line: whole.length, kinds: ['changed'] };
    }
    case 2: {
      const head = readFileSync(join(node, 'head'), 'utf8');
      const forged = random.pick([
        () => head.replace(/"seq":\d+/, `"seq":${1 + random.below(35)}`),
        () => head.replace(/"mac":"(.)/, (_, first) => `"mac":"${first === '0' ? '1' : '0'}`),
        () => head.replace(NODE, '01JABCDEFGHJKMNPQRSTVWXYZ2'),
        () => head.slice(0, random.below(200)),
        () => '',
      ])();
      writeFileSync(join(node, 'head'), forged);
      return { name: 'a head forged', file: 'head', line: 1, kinds: ['head'] };
    }
    case 3: {
      const checkpoints = join(node, 'checkpoints.jsonl');
      const lines = readFileSync(checkpoints, 'utf8').split('\n').slice(0, -1);
      const i = random.below(lines.length);
      if (random.chance(0.5)) lines.splice(i, 1);
      else lines[i] = lines[i]?.replace(/"seq":\d+/, `"seq":${40 + i}`) ?? '';
      writeFileSync(checkpoints, lines.map((line) => `${line}\n`).join(''));
      return {
        name: 'a checkpoint changed or removed',
        file: 'checkpoints.jsonl',
        line: i + 1,
        kinds: ['checkpoint'],
      };
    }
    default: {
      const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
      const name = random.pick(Object.keys(CHANGES));
      const change = CHANGES[name]?.(random, foreign, isLastDay)(lines);
      writeFileSync(path, Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'));
      if (change === undefined) throw new Error(name);
      return change.line < 0 ? { ...change, name, file: nextDay, line: 1 } : { ...change, name, file };
    }
  }
}

const say = (findings: readonly AuditFinding[]): string =>
  findings.map(({ kind, file, line, detail }) => `${kind} ${file}:${line} ${detail}`).join('\n') || 'nothing';

test(`each change to the log is found, and where (HAKIRI_SEED=${TEST_SEED})`, async (t) => {
  const whole = await wholeLog(t);
  assert.deepEqual(verifyAudit(whole, { keys: KEYS }).findings, []);
  const other = await wholeLog(t, OTHER_KEYS);
  const foreign = DAYS.flatMap((day) =>
    readFileSync(join(other, NODE, `${day}.jsonl`), 'utf8')
      .split('\n')
      .slice(0, -1),
  );
  const { folder } = auditFolder(t);
  const count = fuzzCount(Number.POSITIVE_INFINITY);
  const deadline = performance.now() + (Number.isFinite(count) ? Number.POSITIVE_INFINITY : SAMPLE_MS);
  let i = 0;
  for (; i < count && performance.now() < deadline; i++) {
    const seed = TEST_SEED + i;
    cpSync(whole, folder, { recursive: true });
    const { name, file, line, kinds } = mutate(seededRandom(seed), join(folder, NODE), foreign);
    const { findings } = verifyAudit(folder, { keys: KEYS });
    const [first] = findings;
    const isFound = first?.file === file && first.line === line && kinds.includes(first.kind);
    assert.ok(
      isFound,
      `HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1: ${name} at ${file}:${line}, found was\n${say(findings)}`,
    );
  }
  assert.ok(i >= Math.min(count, 50), `only ${i}`);
});
