import { detokenize, type Pseudonyms, pseudonymsOf, tokenizeText } from '@hakiri/access';

/** Names of rows that have no key, which say nothing of run and sequence. */
export interface RowNames {
  of(run: string, seq: number): string;
  /** Undefined for what is no such name. */
  rowOf(name: string): readonly [run: string, seq: number] | undefined;
}

/** As long as any: how long a name is tells nothing either. */
const SEQUENCE_DIGITS = 16;

export function rowNames(pseudonyms: Pseudonyms): RowNames {
  // Apart from the tokens of values: nobody can have one made of a name.
  const own = pseudonymsOf(pseudonyms.subkey('rows'));
  return {
    of: (run, seq) => tokenizeText(`${run} ${String(seq).padStart(SEQUENCE_DIGITS, '0')}`, own),
    rowOf(name) {
      const [run, seq] = detokenize(name, own)?.split(' ') ?? [];
      return run === undefined || seq === undefined ? undefined : [run, Number(seq)];
    },
  };
}
