import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HakiriError } from '@hakiri/core';
import {
  type ManifestFile,
  type ManifestFormat,
  parseManifestText,
  readManifest,
  toJson,
  toToml,
} from '@hakiri/core/manifest';
import { MANIFEST_FILE } from '../project-folder.ts';
import type { Call } from '../services.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface PipelineConvertFlags {
  readonly to: ManifestFormat;
  readonly output?: string;
}

/** Throws what reading the manifest throws, and `manifest.exists` rather than replace a file. */
export async function convertPipeline(
  { services, output }: Call,
  flags: PipelineConvertFlags,
  file: string,
): Promise<undefined> {
  const text = await readManifestFile(resolve(services.cwd, file));
  const raw = parseManifestText(text, { file, format: file.endsWith('.json') ? 'json' : 'toml' });
  readManifest(asWhole(file, text, raw));
  const converted = flags.to === 'toml' ? toToml(raw) : toJson(raw);
  if (flags.output === undefined) {
    output.out.write(converted);
    return;
  }
  const path = resolve(services.cwd, flags.output);
  if (existsSync(path)) {
    throw new HakiriError('manifest.exists', `${path} exists already`, {
      hint: 'Choose another name: a file is never replaced.',
      details: { path },
    });
  }
  await writeFileAtomically(path, converted);
  output.err.line(`Wrote ${path}.`);
}

/** A manifest is checked as a whole: one file is either its root, or gets one to stand beside. */
function asWhole(file: string, text: string, raw: unknown): readonly ManifestFile[] {
  const isRoot = typeof raw === 'object' && raw !== null && 'project' in raw;
  if (!isRoot)
    return [
      { file: MANIFEST_FILE, text: '[project]\nname = "any"\n' },
      { file, text },
    ];
  return [{ file: join(dirname(file), file.endsWith('.json') ? 'hakiri.json' : MANIFEST_FILE), text }];
}

async function readManifestFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HakiriError('manifest.unreadable', `${path} cannot be read`, {
      hint: 'Check the path and its permissions.',
      cause,
      details: { path },
    });
  }
}
