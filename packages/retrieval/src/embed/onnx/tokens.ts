import { folderError, type ModelFolder } from './model-folder.ts';

/** Longer than any token is on average: what lies behind would be cut off anyway. */
const CHARACTERS_A_TOKEN = 16;

/** Ids of the tokens of a text, special ones included, at most as many as the model takes. */
export type Tokenize = (text: string) => readonly number[];

/** @throws HakiriError embedding.folder */
export async function loadTokenizer(folder: string, files: ModelFolder): Promise<Tokenize> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const { maxTokens } = files;
  try {
    const tokenizer = new Tokenizer(files.tokenizer, files.tokenizerConfig);
    return (text) => {
      const { ids } = tokenizer.encode(text.slice(0, maxTokens * CHARACTERS_A_TOKEN));
      // The last one says that the text ends.
      return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ids.at(-1)!];
    };
  } catch (error) {
    throw folderError(folder, 'the tokenizer is of a kind that is not known here', error);
  }
}
