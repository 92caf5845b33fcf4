import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ensureSigningKey, readSigningKey, type SigningKey } from '@hakiri/access/token';
import { HakiriError } from '@hakiri/core';
import { parseManifestText } from '@hakiri/core/manifest';
import { nodeFiles } from '@hakiri/store';
import { MANIFEST_FILE } from './project-folder.ts';
import { readManifestFiles } from './read-manifest.ts';
import { writeFileAtomically } from './write-file.ts';

export const keysFolder = (folder: string): string => join(folder, '.hakiri', 'keys');

/**
 * The key that the project's tokens are signed with, made at first need. Its public half is in the manifest when this
 * resolves: whoever verifies has to know it before anything is signed.
 * @throws HakiriError key.invalid; key.missing where the manifest knows keys and the one here is none of them; usage.argument
 */
export async function projectKey(folder: string, publicKeys: readonly string[]): Promise<SigningKey> {
  const known = await readSigningKey(nodeFiles, keysFolder(folder));
  const isLost = known === undefined ? publicKeys.length > 0 : !isNamed(known, publicKeys);
  if (isLost) {
    // One that was dropped elsewhere must not come back by itself.
    throw new HakiriError(
      'key.missing',
      'The manifest names public keys, and this is not where one of them is from',
      {
        hint: 'Bring the key with `hakiri key export` and `hakiri key import`; to start anew, take `public_keys` out.',
      },
    );
  }
  const key = await ensureSigningKey(nodeFiles, keysFolder(folder));
  if (publicKeys.length === 0) await changePublicKeys(folder, () => [key.publicKey]);
  return key;
}

const isNamed = ({ publicKey }: SigningKey, publicKeys: readonly string[]): boolean =>
  publicKeys.length === 0 || publicKeys.includes(publicKey);

/**
 * Writes `public_keys` of hakiri.toml anew; everything else of it stays, comments too.
 * @throws HakiriError usage.argument where that cannot be done without losing something
 */
export async function changePublicKeys(
  folder: string,
  change: (keys: readonly string[]) => readonly string[],
): Promise<void> {
  const [{ file, text }] = (await readManifestFiles(folder)) as [{ file: string; text: string }];
  const edited = await withPublicKeys(file, text, change);
  if (edited !== text) await writeFileAtomically(join(folder, MANIFEST_FILE), edited);
}

interface Raw {
  readonly project?: { readonly public_keys?: readonly string[] };
}

export async function withPublicKeys(
  file: string,
  text: string,
  change: (keys: readonly string[]) => readonly string[],
): Promise<string> {
  const read = (candidate: string): Raw => parseManifestText(candidate, { file, format: 'toml' }) as Raw;
  const raw = read(text);
  const before = raw.project?.public_keys ?? [];
  const keys = [...new Set(change(before))];
  if (isDeepStrictEqual(keys, before)) return text;
  const meant = { ...raw, project: { ...raw.project, public_keys: keys } };
  for (const candidate of [...lineEdits(text, keys), ...(await patchEdits(text, keys))]) {
    try {
      if (isDeepStrictEqual(read(candidate), meant)) return candidate;
    } catch {
      // It is no manifest.
    }
  }
  throw new HakiriError('usage.argument', `${file} cannot be changed without losing something of it`, {
    hint: `Write ${written(keys)} under [project] yourself.`,
    details: { file },
  });
}

const written = (keys: readonly string[]): string =>
  `public_keys = [${keys.map((key) => JSON.stringify(key)).join(', ')}]`;

/** For a project with a section of its own: the line in it, or a new one behind its name. */
function* lineEdits(text: string, keys: readonly string[]): Generator<string> {
  const own = /^([ \t]*)public_keys[ \t]*=[ \t]*\[[^\]#]*\]/m;
  if (own.test(text)) yield text.replace(own, (_, indent: string) => indent + written(keys));
  const named =
    /^[ \t]*\[[ \t]*project[ \t]*\][^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*([ \t]*)name[ \t]*=[^\n]*(?:\n|$)/m;
  const found = named.exec(text);
  if (found === null) return;
  const end = found.index + found[0].length;
  const gap = found[0].endsWith('\n') ? '' : '\n';
  yield `${text.slice(0, end)}${gap}${found[1] ?? ''}${written(keys)}\n${text.slice(end)}`;
}

/** For any other way to write it. */
async function patchEdits(text: string, keys: readonly string[]): Promise<readonly string[]> {
  const { parse, patch } = await import('@decimalturn/toml-patch');
  try {
    const raw = parse(text) as Readonly<Record<string, object>>;
    return [patch(text, { ...raw, project: { ...raw.project, public_keys: [...keys] } })];
  } catch {
    return [];
  }
}
