import { generator } from './prose.ts';

/** Rows of text and vectors about subjects, and questions about them; the same ones for the same sizes. */
export interface HybridRows {
  readonly rows: number;
  readonly dims: number;
  row(id: number): HybridRow;
  /** Of a row, by its text; of length 1. */
  vectorOf(text: string): Float32Array;
  readonly questions: readonly Question[];
}

export interface HybridRow {
  readonly id: number;
  /** Evenly 0 to 999. */
  readonly permille: number;
  readonly topic: number;
  readonly body: string;
}

export interface Question {
  /** 1 to 3 words. */
  readonly text: string;
  readonly topic: number;
  readonly vector: Float32Array;
}

export const TOPICS = 100;
const WORDS = 20_000;
const WORDS_A_ROW = 90;
/** A row's first words tell which row it is: its number, in digits that are words. */
const DIGITS = 1000;
const SYLLABLES = 'ka re to mi lu sen dor ti an ve pro con de st er ing ion al ma no pi qu zu fa'.split(' ');
const NOISE = 0.7;
/** What words of a question are drawn from: neither the most common ones nor the rarest. */
const ASKED = { from: 20, to: 4000 };

export function hybridRows(rows: number, dims: number, questions: number): HybridRows {
  const words = vocabulary();
  const digit = new Map(words.slice(0, DIGITS).map((word, i) => [word, i]));
  const zipf = Uint32Array.from({ length: 1 << 16 }, (_, i) => Math.floor(WORDS ** (i / (1 << 16))) - 1);
  const centres = Array.from({ length: TOPICS }, (_, topic) => normals(generator(9000 + topic), dims));
  const topicOf = (id: number): number => (Math.imul(id, 2_654_435_761) >>> 0) % TOPICS;
  const about = (topic: number, seed: number): Float32Array => {
    const own = normals(generator(seed), dims);
    return lengthOne(centres[topic]!.map((component, i) => component + NOISE * own[i]!));
  };

  return {
    rows,
    dims,
    row(id) {
      const random = generator(id * 7919 + 1);
      const body = [words[id % DIGITS]!, words[Math.floor(id / DIGITS)]!];
      while (body.length < WORDS_A_ROW) body.push(words[zipf[(random() * (1 << 16)) | 0]!]!);
      return {
        id,
        permille: (Math.imul(id + 1, 2_246_822_519) >>> 0) % 1000,
        topic: topicOf(id),
        body: body.join(' '),
      };
    },
    vectorOf(text) {
      const [low = '', high = ''] = text.split(' ', 2);
      const id = (digit.get(low) ?? 0) + DIGITS * (digit.get(high) ?? 0);
      return about(topicOf(id), id + 1);
    },
    questions: Array.from({ length: questions }, (_, i) => {
      const random = generator(i * 104_729 + 5);
      const topic = Math.floor((random() * TOPICS) / 2);
      const text = Array.from(
        { length: 1 + (i % 3) },
        () => words[ASKED.from + Math.floor(random() * (ASKED.to - ASKED.from))]!,
      ).join(' ');
      return { text, topic, vector: about(topic, 2 ** 31 + i) };
    }),
  };
}

function vocabulary(): readonly string[] {
  const random = generator(20_261_122);
  const words = new Set<string>();
  while (words.size < WORDS) {
    const syllables = 2 + Math.floor(random() * 4);
    words.add(
      Array.from({ length: syllables }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]!).join(''),
    );
  }
  return [...words];
}

/** About normally distributed. */
function normals(random: () => number, dims: number): Float32Array {
  return Float32Array.from({ length: dims }, () => random() + random() + random() + random() - 2);
}

function lengthOne(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((component) => component / length);
}

/** The ids of the ten nearest to the question, by the definition. */
export function tenNearest(
  { rows, row, vectorOf }: HybridRows,
  questions: readonly Question[],
  passes: (row: HybridRow, question: Question) => boolean,
): readonly (readonly number[])[] {
  const best = questions.map((): { id: number; score: number }[] => []);
  for (let id = 0; id < rows; id++) {
    const one = row(id);
    const vector = vectorOf(one.body);
    questions.forEach((question, i) => {
      if (!passes(one, question)) return;
      let score = 0;
      for (let d = 0; d < vector.length; d++) score += vector[d]! * question.vector[d]!;
      const list = best[i]!;
      if (list.length === 10 && score <= list[9]!.score) return;
      list.push({ id, score });
      list.sort((a, b) => b.score - a.score);
      list.length = Math.min(10, list.length);
    });
  }
  return best.map((list) => list.map(({ id }) => id));
}
