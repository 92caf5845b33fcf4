import type { Random } from '../../../../test/support/random.ts';

const STRINGS = [
  '""',
  '"a"',
  '"plain text of more than sixteen bytes"',
  '"quote \\" and \\\\"',
  '"\\\\\\\\"',
  '"\\\\\\\\\\""',
  '"\\u00e9\\n"',
  '"\\ud83d\\ude00"',
  '"\\ud800"',
  '"\\udc00x"',
  '"\\ud800\\u0041"',
  '"ünïcödé 😀 漢字"',
  '"2024-01-01"',
  '"[{,:}]"',
  '"\\u0000"',
  '"fifteen bytes..\\""',
  '"sixteen bytes...\\\\"',
];
const NUMBERS = [
  '0',
  '-0',
  '1',
  '-7',
  '42',
  '127',
  '128',
  '-129',
  '32768',
  '2147483648',
  '1.0',
  '1e3',
  '2.50e1',
  '2.5',
  '-0.125',
  '1E-2',
  '1e+2',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '999999999999999',
  '1234567890123456',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '123456789012345678901234567890',
  '1e308',
  '1e309',
  '1e-400',
  '0.1234567890123456789',
  '100000000000000000000.5',
];
export const WORDS = ['null', 'true', 'false'];

export function stringText(random: Random): string {
  return random.pick(STRINGS);
}

export function numberText(random: Random): string {
  return random.chance(0.5) ? String(random.below(1000)) : random.pick(NUMBERS);
}

export function blankText(random: Random): string {
  return random.chance(0.8) ? '' : random.pick([' ', '  ', '\n', '\r\n', '\t', ' \n ']);
}

/** A JSON value as text, with blanks where JSON allows them. */
export function valueText(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 6 : 4);
  if (kind === 0) return random.pick(WORDS);
  if (kind === 1) return numberText(random);
  if (kind <= 3) return stringText(random);
  return kind === 4 ? arrayText(random, depth) : objectText(random, depth);
}

function arrayText(random: Random, depth: number): string {
  const items = Array.from({ length: random.below(4) }, () => padded(random, valueText(random, depth - 1)));
  return `[${items.join(',') || blankText(random)}]`;
}

export function objectText(random: Random, depth: number): string {
  const members = Array.from({ length: random.below(5) }, (_, i) => {
    const key = random.chance(0.2) ? stringText(random) : `"k${i}"`;
    return `${padded(random, key)}:${padded(random, valueText(random, depth - 1))}`;
  });
  return `{${members.join(',') || blankText(random)}}`;
}

function padded(random: Random, text: string): string {
  return blankText(random) + text + blankText(random);
}

const INTRUDERS = Buffer.from('{}[],:"\\ \n\t0-1.eEtfn\u0000\u001fu/x\u00ff', 'latin1');

/** The bytes with a few changed, lost, doubled or cut off. */
export function mutated(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - 1)]);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.of(random.pick([...INTRUDERS])),
        bytes.subarray(at + random.below(2)),
      ]);
  }
}

/** The bytes in pieces cut anywhere, each in memory of its own. */
export function chunksOf(random: Random, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  const largest = random.pick([1, 3, 20, 200]);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(largest);
    chunks.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return chunks;
}
