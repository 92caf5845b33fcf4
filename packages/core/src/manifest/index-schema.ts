import * as z from 'zod';
import { PIPELINE_ID_PATTERN } from '../ids.ts';
import { BUILT_IN_DIMS, BUILT_IN_MODEL } from '../index-spec.ts';
import { columnName, listOf, patterned, wholeNumber } from './schema-parts.ts';

/** More numbers a vector than any model has. */
export const MAX_DIMS = 8192;

export const modelName = patterned(/^[^\p{C}]{1,128}$/u, 'the name of a model, at most 128 characters');

export const dims = wholeNumber(1, MAX_DIMS, `a whole number from 1 to ${MAX_DIMS}`);

const columnKeys = {
  column: columnName
    .optional()
    .describe('The one text column that is indexed; dots reach into structs. This or `columns`.'),
  columns: listOf(columnName, 'a list of columns such as ["title", "body"]')
    .optional()
    .describe('The text columns that are indexed; dots reach into structs. This or `column`.'),
};

const hasOneForm = (index: { readonly column?: unknown; readonly columns?: unknown }) =>
  (index.column === undefined) !== (index.columns === undefined);

const ONE_FORM = { error: 'either column or columns', path: ['columns'] };

const NOT_A_TABLE = { error: 'a table such as { kind = "fts", columns = ["title"] }' };

export const textIndexSchema = z
  .strictObject(
    {
      kind: z.literal('fts').describe('Finds words, ranked by BM25.'),
      ...columnKeys,
      analyzer: z
        .enum(['english', 'simple', 'none'])
        .optional()
        .describe(
          'What a word is. `english` (default): stemmed, so that "leaks" finds "leaking". `simple`: folded to lower case without accents, for other languages. `none`: the whole value is one word, for codes and names.',
        ),
    },
    NOT_A_TABLE,
  )
  .refine(hasOneForm, ONE_FORM)
  .describe('Words of text columns.');

export const vectorIndexSchema = z
  .strictObject(
    {
      kind: z.literal('vector').describe('Finds what is near in meaning, as far as the model tells.'),
      ...columnKeys,
      model: modelName
        .optional()
        .describe(
          `The model that makes vectors: a name defined under \`embedding\`. Default: "${BUILT_IN_MODEL}", which is built in and lexical: it compares words and pieces of words.`,
        ),
      dim: dims
        .optional()
        .describe(
          `How many numbers a vector has. Default: what \`embedding\` says of the model; ${BUILT_IN_DIMS} of the built-in one.`,
        ),
      scan: z
        .enum(['int8', 'float'])
        .optional()
        .describe(
          'How vectors are kept for the first look: `int8` (default), a quarter of the size and as exact in practice, or `float`. The best ones are compared in full either way.',
        ),
    },
    NOT_A_TABLE,
  )
  .refine(hasOneForm, ONE_FORM)
  .describe('Vectors of texts; several columns are joined by a blank line.');

export const indexSchema = z.discriminatedUnion('kind', [textIndexSchema, vectorIndexSchema], NOT_A_TABLE);

export const indexesSchema = z
  .record(
    patterned(
      PIPELINE_ID_PATTERN,
      'a name of lower-case letters, digits, dashes and underscores, at most 63',
    ),
    indexSchema,
    { error: 'a table of indexes' },
  )
  .describe('The indexes of the table, by name: indexes.words = { kind = "fts", columns = ["title"] }.');

export type RawIndex = z.infer<typeof indexSchema>;
