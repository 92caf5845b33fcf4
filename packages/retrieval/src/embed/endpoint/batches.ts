/** Of the texts of one request, as JSON would hold them; one text that is longer goes alone. */
const MAX_BATCH_BYTES = 256 * 1024;

export interface Batch {
  /** Of the first text among all. */
  readonly from: number;
  readonly texts: readonly string[];
}

/** Neighbours together, at most `maxTexts` and so many bytes. */
export function* batches(texts: readonly string[], maxTexts: number): Generator<Batch> {
  let from = 0;
  let bytes = 0;
  for (const [i, text] of texts.entries()) {
    const size = Buffer.byteLength(text);
    if (i > from && (i - from >= maxTexts || bytes + size > MAX_BATCH_BYTES)) {
      yield { from, texts: texts.slice(from, i) };
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < texts.length) yield { from, texts: texts.slice(from) };
}

export function halves({ from, texts }: Batch): readonly [Batch, Batch] {
  const middle = texts.length >> 1;
  return [
    { from, texts: texts.slice(0, middle) },
    { from: from + middle, texts: texts.slice(middle) },
  ];
}
