import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HakiriError, type Manifest } from '@hakiri/core';
import { type ManifestFile, readManifest } from '@hakiri/core/manifest';
import { MANIFEST_FILE } from './project-folder.ts';

/** The manifest of a folder: hakiri.toml, and every TOML and JSON file in pipelines/. Throws `manifest.*`. */
export async function readProjectManifest(folder: string): Promise<Manifest> {
  return readManifest(await readManifestFiles(folder));
}

/** The manifest of a folder, and the hash of its files. Throws `manifest.*`. */
export async function readManifestInForce(
  folder: string,
): Promise<{ readonly manifest: Manifest; readonly manifestHash: string }> {
  const manifestFiles = await readManifestFiles(folder);
  const manifestHash = createHash('sha256').update(JSON.stringify(manifestFiles)).digest('hex');
  return { manifest: readManifest(manifestFiles), manifestHash };
}

/** The files as they are, names relative to the folder, hakiri.toml first. */
export async function readManifestFiles(folder: string): Promise<readonly ManifestFile[]> {
  const files = [MANIFEST_FILE, ...(await pipelineFiles(folder))];
  return Promise.all(files.map(async (file) => ({ file, text: await readText(folder, file) })));
}

async function pipelineFiles(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(join(folder, 'pipelines'));
    return names
      .filter((name) => /\.(toml|json)$/.test(name))
      .sort()
      .map((name) => `pipelines/${name}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(join(folder, 'pipelines'), cause);
  }
}

async function readText(folder: string, file: string): Promise<string> {
  try {
    return await readFile(join(folder, file), 'utf8');
  } catch (cause) {
    throw unreadable(join(folder, file), cause);
  }
}

function unreadable(path: string, cause: unknown): HakiriError {
  return new HakiriError('manifest.unreadable', `${path} cannot be read`, { cause, details: { path } });
}
