import type { AuditKeys } from './audit-keys.ts';
import { NO_HASH, openLine } from './line.ts';

export type FindingKind = 'changed' | 'missing' | 'inserted' | 'reordered' | 'cut' | 'head' | 'checkpoint';

/** Something that is not as it was written, and where. */
export interface AuditFinding {
  readonly kind: FindingKind;
  readonly node: string;
  /** In the node's folder, or the exported file. */
  readonly file: string;
  /** From 1: the first line that does not fit. 0 where it is about a whole file. */
  readonly line: number;
  /** The first record that it is about, as far as that can be told. */
  readonly seq: number | undefined;
  readonly detail: string;
}

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What a record must be, said elsewhere: by the head, or by a checkpoint. */
export interface Expectation extends Place {
  readonly seq: number;
  readonly hash: string;
  readonly kind: 'head' | 'checkpoint';
}

export interface Chain {
  /** The next line, without its newline. */
  line(bytes: Buffer, isWhole: boolean, place: Place): void;
  /** `end` is the last record known to have been there, `lastFile` where it was. */
  end(end: { readonly seq: number; readonly file: string }): ChainEnd;
}

export interface ChainEnd {
  readonly findings: readonly AuditFinding[];
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastAt: string | undefined;
  /** Bytes behind the last record that are no line: somebody died while writing, and the next record cuts them off. */
  readonly tornBytes: number;
}

export interface ChainOptions {
  readonly node: string;
  /** Without them, a line that somebody made anew with all that follow is told by checkpoints only. */
  readonly keys: AuditKeys | undefined;
  readonly expected: readonly Expectation[];
  /** The first record and the hash before it; those of the first line where undefined, as in an export of a part. */
  readonly start?: { readonly seq: number; readonly prev: string } | undefined;
}

export const CHAIN_START = { seq: 1, prev: NO_HASH };

interface Gap extends Place {
  from: number;
  readonly to: number;
  readonly seen: Set<number>;
}

/** Follows the chain through lines in their order, and goes on behind what does not fit. */
export function followChain({ node, keys, expected, start }: ChainOptions): Chain {
  const findings: AuditFinding[] = [];
  const wanted = new Map<number, Expectation[]>();
  for (const one of expected) wanted.set(one.seq, [...(wanted.get(one.seq) ?? []), one]);
  const gaps: Gap[] = [];
  /** Lines that are no records, since the last one that is. */
  let bad: (Place & { readonly isWhole: boolean; readonly bytes: number })[] = [];
  let next = start?.seq ?? -1;
  /** Undefined behind something that does not fit. */
  let hash: string | undefined = start?.prev;
  let records = 0;
  let firstSeq = 0;
  let lastAt: string | undefined;
  let last: Place = { file: '', line: 0 };

  const find = (kind: FindingKind, { file, line }: Place, seq: number | undefined, detail: string): void => {
    findings.push({ kind, node, file, line, seq, detail });
  };

  /** A record that belongs before one that came already. */
  const late = (seq: number, place: Place): void => {
    const gap = gaps.find(({ from, to }) => from <= seq && seq <= to);
    if (gap === undefined || gap.seen.has(seq))
      find('inserted', place, seq, `record ${seq} stands here once more`);
    else gap.seen.add(seq);
  };

  /** Bad lines are the records that lack, in their order; what is over was put there. */
  const settleBad = (seqs: number): number => {
    for (const [i, place] of bad.entries()) {
      if (i < seqs) find('changed', place, next + i, `record ${next + i} is not as it was written`);
      else find('inserted', place, undefined, 'a line that is no record of this log');
    }
    const settled = Math.min(bad.length, seqs);
    bad = [];
    return settled;
  };

  return {
    line(bytes, isWhole, place) {
      last = place;
      const frame = isWhole ? openLine(bytes, keys) : undefined;
      if (frame === undefined) {
        bad.push({ ...place, isWhole, bytes: bytes.length });
        return;
      }
      records++;
      lastAt = frame.at;
      if (next < 0) {
        next = frame.seq;
        hash = frame.prev;
      }
      if (firstSeq === 0) firstSeq = frame.seq;
      for (const want of wanted.get(frame.seq) ?? []) {
        if (want.hash !== frame.hash)
          find(
            want.kind,
            place,
            frame.seq,
            `record ${frame.seq} is not the one that the ${want.kind} tells of`,
          );
      }
      if (frame.seq < next) {
        late(frame.seq, place);
        return;
      }
      const lacking = frame.seq - next;
      const changed = settleBad(lacking);
      if (changed < lacking)
        gaps.push({ ...place, from: next + changed, to: frame.seq - 1, seen: new Set() });
      if (lacking === 0 && hash !== undefined && frame.prev !== hash)
        find('changed', place, frame.seq, `record ${frame.seq} does not follow the one before it`);
      next = frame.seq + 1;
      hash = frame.hash;
    },

    end({ seq, file }) {
      const torn = bad.at(-1)?.isWhole === false ? bad.at(-1) : undefined;
      const lacking = seq - next + 1;
      let tornBytes = 0;
      if (lacking > 0) {
        if (torn !== undefined) bad.pop();
        const changed = settleBad(torn === undefined ? lacking : lacking - 1);
        const from = next + changed;
        const place =
          torn ?? (file > last.file ? { file, line: 1 } : { file: last.file, line: last.line + 1 });
        if (from <= seq) find('cut', place, from, `the log ends here; ${range(from, seq)} had been written`);
      } else if (torn !== undefined) {
        bad.pop();
        tornBytes = torn.bytes;
      }
      settleBad(0);
      for (const gap of gaps) {
        const { from, to, seen } = gap;
        if (seen.size > 0) find('reordered', gap, from, `${range(from, to)} stand in another order`);
        if (seen.size < to - from + 1) {
          const lost = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(
            (one) => !seen.has(one),
          );
          const [first = from] = lost;
          const also = lost.length === (lost.at(-1) ?? first) - first + 1 ? '' : `, ${lost.length} in all,`;
          find(
            'missing',
            gap,
            first,
            `${range(first, lost.at(-1) ?? first)}${also} should stand before this line`,
          );
        }
      }
      const inPlace = findings.sort(
        (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line,
      );
      return { findings: inPlace, records, firstSeq, lastSeq: Math.max(0, next - 1), lastAt, tornBytes };
    },
  };
}

const range = (from: number, to: number): string =>
  from === to ? `record ${from}` : `records ${from} to ${to}`;
