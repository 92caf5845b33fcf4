/** A row of an opened table: which of its units, and the row's ordinal there. */
export interface ScoredRow {
  readonly unit: number;
  readonly ordinal: number;
  readonly score: number;
}

/** Which of two rows of the same score comes first: below 0 for the first. The same whatever unit a row lies in. */
export type TieOrder = (unitA: number, ordinalA: number, unitB: number, ordinalB: number) => number;

/** The better one first. */
export function compareRows(a: ScoredRow, b: ScoredRow, ties: TieOrder): number {
  return b.score - a.score || ties(a.unit, a.ordinal, b.unit, b.ordinal);
}

/** The best rows of many. */
export interface TopRows {
  /** What a row must reach at least to be among them. */
  readonly threshold: number;
  offer(unit: number, ordinal: number, score: number): void;
  /** Best first. */
  sorted(): readonly ScoredRow[];
}

export function createTopRows(capacity: number, ties: TieOrder): TopRows {
  /** Of what is kept, the worst on top. */
  const heap: ScoredRow[] = [];
  const order = (a: ScoredRow, b: ScoredRow): number => compareRows(a, b, ties);

  const sink = (row: ScoredRow): void => {
    let at = 0;
    while (true) {
      let worst = at * 2 + 1;
      if (worst >= heap.length) break;
      if (worst + 1 < heap.length && order(heap[worst + 1]!, heap[worst]!) > 0) worst++;
      if (order(heap[worst]!, row) <= 0) break;
      heap[at] = heap[worst]!;
      at = worst;
    }
    heap[at] = row;
  };

  const rise = (row: ScoredRow): void => {
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (order(row, heap[parent]!) <= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = row;
  };

  return {
    get threshold() {
      return heap.length < capacity ? Number.NEGATIVE_INFINITY : heap[0]!.score;
    },
    offer(unit, ordinal, score) {
      const row = { unit, ordinal, score };
      if (heap.length < capacity) rise(row);
      else if (order(row, heap[0]!) < 0) sink(row);
    },
    sorted: () => [...heap].sort(order),
  };
}
