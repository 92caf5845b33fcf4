import { parse as parseToml, TomlDate, TomlError } from 'smol-toml';
import { HakiriError } from '../errors.ts';
import { JsonSyntaxError, parseJson } from './parse-json.ts';
import { describePlace } from './problem.ts';

export type ManifestFormat = 'toml' | 'json';

const MAX_TEXT_LENGTH = 1024 * 1024;
const MAX_DEPTH = 64;

/**
 * The values of a manifest file, the same for TOML and JSON: tables, lists, texts, finite numbers and booleans.
 * A TOML date becomes its ISO text. Throws `manifest.syntax` with line and column, `manifest.wrong_type` for a
 * value that one of the two formats cannot hold.
 */
export function parseManifestText(
  text: string,
  options: { readonly file: string; readonly format: ManifestFormat },
): unknown {
  const { file, format } = options;
  if (text.length > MAX_TEXT_LENGTH) {
    throw new HakiriError(
      'manifest.syntax',
      `${file}: the file is longer than ${MAX_TEXT_LENGTH} characters`,
    );
  }
  const withoutMark = text.startsWith('\ufeff') ? text.slice(1) : text;
  const raw = format === 'toml' ? readToml(withoutMark, file) : readJson(withoutMark, file);
  return plain(raw, file, raw, []);
}

function readToml(text: string, file: string): unknown {
  try {
    return parseToml(text, { unsafeKeyBehaviour: 'keep', maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof TomlError)) throw syntaxError(file, 'TOML', 'it cannot be read', error);
    // The library's message goes on with an excerpt of the file, which may hold a secret.
    const [first = ''] = error.message.split('\n');
    const reason = first.replace(/^Invalid TOML document: /, '');
    throw syntaxError(file, 'TOML', reason, error, error.line, error.column);
  }
}

function readJson(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw syntaxError(file, 'JSON', error.message, error, error.line, error.column);
  }
}

function syntaxError(
  file: string,
  format: string,
  reason: string,
  cause: unknown,
  line = 1,
  column = 1,
): HakiriError {
  return new HakiriError('manifest.syntax', `${file}:${line}:${column}: not valid ${format}: ${reason}`, {
    cause,
    details: { file, line, column },
  });
}

function plain(value: unknown, file: string, root: unknown, path: readonly PropertyKey[]): unknown {
  const refuse = (why: string): HakiriError => {
    const place = describePlace(path, root);
    return new HakiriError('manifest.wrong_type', `${file}: ${place}: ${why}`, { details: { file, place } });
  };
  if (path.length > MAX_DEPTH) throw refuse(`it is nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refuse('half a surrogate pair is not text');
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse('nan and inf are not values a manifest can hold');
    return value === 0 ? 0 : value;
  }
  if (typeof value === 'boolean') return value;
  if (value instanceof TomlDate) return value.toISOString();
  if (Array.isArray(value)) return value.map((item, i) => plain(item, file, root, [...path, i]));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (!key.isWellFormed() || key === '__proto__') throw refuse('a key is not allowed');
        return [key, plain(item, file, root, [...path, key])];
      }),
    );
  }
  throw refuse('null is not a value here: leave the key out');
}
