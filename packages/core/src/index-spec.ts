import type { PiiType } from './pii-type.ts';

/** An index as the manifest declares it, defaults filled in; or the twin of one. */
export type IndexSpec = TextIndexSpec | VectorIndexSpec;

export interface TextIndexSpec {
  readonly kind: 'fts';
  /** As the manifest names it, unique within the table. */
  readonly name: string;
  /** Text columns; dots reach into structs. */
  readonly columns: readonly string[];
  readonly analyzer: Analyzer;
  readonly scrubbed?: ScrubbedTexts;
}

/**
 * What makes an index the twin of another: values that its texts may quote are cut out, for those who may not read
 * them where they stand.
 */
export interface ScrubbedTexts {
  /** Name of the other. */
  readonly twinOf: string;
  readonly columns: readonly { readonly column: string; readonly piiTypes: readonly PiiType[] }[];
  /** Of the detectors. */
  readonly version: number;
}

/** `english`: words, stemmed. `simple`: words, folded. `none`: the whole value is one word. */
export type Analyzer = 'english' | 'simple' | 'none';

export interface VectorIndexSpec {
  readonly kind: 'vector';
  readonly name: string;
  /** Their texts are joined by a blank line before they are embedded. */
  readonly columns: readonly string[];
  readonly model: string;
  readonly dims: number;
  readonly metric: 'cosine';
  /** How vectors are kept for the scan; the last step always compares floats. */
  readonly scan: 'int8' | 'float';
  readonly scrubbed?: ScrubbedTexts;
}

/** The model that needs no weights: hashed words and pieces of words. */
export const BUILT_IN_MODEL = 'hakiri-lexical-v1';
export const BUILT_IN_DIMS = 384;
