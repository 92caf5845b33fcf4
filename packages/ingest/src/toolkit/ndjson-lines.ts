const NEWLINE = 0x0a;

/** The records of NDJSON bytes, without their newlines, as views of those bytes. */
export function* ndjsonLines(records: Uint8Array): Generator<Uint8Array> {
  let from = 0;
  while (from < records.length) {
    const newline = records.indexOf(NEWLINE, from);
    const to = newline === -1 ? records.length : newline;
    if (to > from) yield records.subarray(from, to);
    from = to + 1;
  }
}

/** The same from the last record to the first. */
export function* ndjsonLinesBackwards(records: Uint8Array): Generator<Uint8Array> {
  let to = records.length;
  while (to > 0) {
    const newline = records.lastIndexOf(NEWLINE, to - 1);
    if (newline + 1 < to) yield records.subarray(newline + 1, to);
    to = newline;
  }
}
