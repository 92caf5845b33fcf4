/** Which of two rows with one score comes first: negative where the first does. */
export type TieOrder = (partA: number, ordinalA: number, partB: number, ordinalB: number) => number;

export interface TopRow {
  readonly part: number;
  readonly ordinal: number;
  readonly score: number;
}

/** The best `k` rows of those offered, in ascending order of part and ordinal. Scores are whole numbers. */
export interface TopRows {
  /** No row with a lower score can come in any more. */
  readonly least: number;
  offer(part: number, ordinal: number, score: number): void;
  /** Best first. */
  sorted(): TopRow[];
}

/** Without an order of ties the row that was offered first stays. */
export function createTopRows(k: number, tieOrder: TieOrder | undefined): TopRows {
  // A heap with the worst on top.
  const heap: TopRow[] = [];
  let least = 0;

  function compare(a: TopRow, b: TopRow): number {
    if (a.score !== b.score) return b.score - a.score;
    const tied = tieOrder?.(a.part, a.ordinal, b.part, b.ordinal) ?? 0;
    return tied !== 0 ? tied : a.part - b.part || a.ordinal - b.ordinal;
  }

  function up(row: TopRow): void {
    let at = heap.length;
    heap.push(row);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compare(heap[parent]!, row) >= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = row;
  }

  function down(row: TopRow): void {
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) > 0) child++;
      if (compare(heap[child]!, row) <= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = row;
  }

  return {
    get least() {
      return least;
    },
    offer(part, ordinal, score) {
      if (score < least) return;
      const row = { part, ordinal, score };
      if (heap.length < k) up(row);
      else if (compare(heap[0]!, row) > 0) down(row);
      if (heap.length === k) least = heap[0]!.score + (tieOrder === undefined ? 1 : 0);
    },
    sorted: () => [...heap].sort(compare),
  };
}
