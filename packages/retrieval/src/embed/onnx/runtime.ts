import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';

/** The part of `onnxruntime-node` that is used (https://onnxruntime.ai/docs/api/js). */
export interface OnnxRuntime {
  readonly InferenceSession: { create(path: string): Promise<OnnxSession> };
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => OnnxTensor;
}

export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

export interface OnnxTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

const PACKAGE = 'onnxruntime-node';

/**
 * The optional package, as the project has it installed, or as Hakiri has. It brings native code of 290 MB for all
 * platforms together: nobody gets it who does not ask for it.
 * @throws HakiriError embedding.folder
 */
export async function loadRuntime(projectFolder: string): Promise<OnnxRuntime> {
  try {
    return createRequire(join(projectFolder, 'package.json'))(PACKAGE) as OnnxRuntime;
  } catch (error) {
    if (!isMissing(error)) throw unusable(error);
  }
  try {
    // By a name that no bundler follows.
    const { default: runtime } = (await import(PACKAGE as string)) as { readonly default: OnnxRuntime };
    return runtime;
  } catch (error) {
    if (!isMissing(error)) throw unusable(error);
    throw new HakiriError('embedding.folder', `a model in a folder needs the package ${PACKAGE}`, {
      hint: `Run \`npm install --ignore-scripts ${PACKAGE}\` in ${projectFolder}, or name an endpoint.`,
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
}

function unusable(cause: unknown): HakiriError {
  return new HakiriError('embedding.folder', `the package ${PACKAGE} cannot be loaded here`, { cause });
}
