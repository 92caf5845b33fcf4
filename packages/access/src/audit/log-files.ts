import { readdirSync } from 'node:fs';

const DAY = /^\d{4}-\d\d-\d\d\.jsonl$/;
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

export const HEAD_NAME = 'head';
export const CHECKPOINTS_NAME = 'checkpoints.jsonl';

/** The file of a moment (ISO 8601, UTC). */
export const dayFile = (at: string): string => `${at.slice(0, 10)}.jsonl`;

/** Names of the days' files of one node, oldest first. */
export const dayFiles = (nodeFolder: string): readonly string[] =>
  entries(nodeFolder)
    .filter((name) => DAY.test(name))
    .sort();

/** Nodes that have a log here. */
export const loggedNodes = (auditFolder: string): readonly string[] =>
  entries(auditFolder)
    .filter((name) => ULID.test(name))
    .sort();

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
