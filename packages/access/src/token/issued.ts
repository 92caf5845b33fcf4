import type { Files, Principal, Right } from '@hakiri/core';
import type { IssuedToken } from './issue-token.ts';

/** A token that was issued here: everything but the token. */
export interface IssuedRecord {
  /** Of its first block: revoking it ends the token and all that is made of it. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly issuedAtMs: number;
  readonly principal: Principal;
  readonly zone?: string;
  readonly rights: readonly Right[];
  readonly restrictions: unknown;
  /** Unix milliseconds. */
  readonly expiresAtMs?: number;
  readonly proofKey?: string;
}

const path = (folder: string): string => `${folder}/issued.jsonl`;

/** @param folder of the keys. Is on the disk when it resolves. */
export async function recordIssued(
  files: Files,
  folder: string,
  { id, claims }: IssuedToken,
  issuedAtMs: number,
): Promise<void> {
  const { principal, zone, rights, expiresAtMs, proofKey, blocks } = claims;
  const record: IssuedRecord = {
    id,
    issuedAtMs,
    principal,
    ...(zone !== undefined && { zone }),
    rights,
    restrictions: blocks[0]?.restrictions,
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(proofKey !== undefined && { proofKey }),
  };
  // One write: two processes at once write a line each.
  const file = await files.append(path(folder));
  try {
    await file.write(Buffer.from(`${JSON.stringify(record)}\n`));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** In the order of their issue. A line that was cut short is left out. */
export async function listIssued(files: Files, folder: string): Promise<readonly IssuedRecord[]> {
  if ((await files.stat(path(folder))) === undefined) return [];
  const text = await files.readText(path(folder));
  return text.split('\n').flatMap((line) => parseRecord(line) ?? []);
}

function parseRecord(line: string): IssuedRecord | undefined {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && 'id' in record
      ? (record as IssuedRecord)
      : undefined;
  } catch {
    return undefined;
  }
}
