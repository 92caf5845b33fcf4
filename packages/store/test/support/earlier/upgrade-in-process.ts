import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { EARLIER_PROJECT, type EarlierStore } from './unpack.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An upgrade in a process of its own. @param dieAt kills itself before the operation of that number */
export function upgradeInProcess({ root }: Pick<EarlierStore, 'root'>, dieAt = 0): Promise<Ended> {
  const script = join(import.meta.dirname, 'upgrade-process.ts');
  const child = spawn(process.execPath, [script, root, EARLIER_PROJECT, String(dieAt)]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}
