import { readFileSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import {
  type Commit,
  type Destination,
  EMPTY_SCHEMA,
  type Files,
  type RunId,
  type SetAside,
  type TableSchema,
  type TableTarget,
} from '@hakiri/core';
import { rowsOf } from './test-context.ts';

export interface SeenCommit {
  readonly rows: readonly Record<string, unknown>[];
  readonly setAside: readonly SetAside[];
  readonly cursor: string | undefined;
  readonly whole: boolean;
  readonly deletes: boolean;
}

export interface TestDestination extends Destination {
  readonly targets: TableTarget[];
  readonly commits: SeenCommit[];
}

/** Keeps what it is given, as it is given it. `engineSetsAside` says of each spool's rows how many do not fit. */
export function testDestination(
  engineSetsAside: (rows: readonly Record<string, unknown>[]) => number = () => 0,
): TestDestination {
  const targets: TableTarget[] = [];
  const commits: SeenCommit[] = [];
  const cursors = new Map<string, string | undefined>();
  const shapes = new Map<string, TableSchema>();
  return {
    targets,
    commits,
    async openTable(target) {
      targets.push(target);
      let rows: Record<string, unknown>[] = [];
      let setAside: SetAside[] = [];
      let deletes = false;
      return {
        get cursor() {
          return cursors.get(target.table);
        },
        inputSchema: shapes.get(target.table) ?? EMPTY_SCHEMA,
        async writePart(input) {
          if (input.kind === 'file') throw new Error('not a spool');
          const taken = rowsOf(readFileSync(input.path));
          rows.push(...taken);
          deletes ||= input.deletes;
          shapes.set(target.table, input.schema);
          return { rows: taken.length, setAside: engineSetsAside(taken) };
        },
        async setAside(records) {
          setAside.push(...records);
        },
        async commit(cursor, whole = false) {
          commits.push({ rows, setAside, cursor, whole, deletes });
          cursors.set(target.table, cursor);
          const commit: Commit = {
            run: '01JABCDEFGHJKMNPQRSTVWXYZ0' as RunId,
            rows: rows.length,
            parts: 1,
            bytes: 0,
            setAside: setAside.length,
            quarantine: undefined,
            schemaChanges: [],
          };
          rows = [];
          setAside = [];
          deletes = false;
          return commit;
        },
        async discard() {
          rows = [];
        },
      };
    },
  };
}

/** What the runner needs of the disk. */
export const spoolFiles = {
  async create(path: string) {
    const file = await open(path, 'w');
    return {
      write: async (bytes: Uint8Array) => void (await file.write(bytes)),
      close: () => file.close(),
    };
  },
  makeFolder: async (path: string) => void (await mkdir(path, { recursive: true })),
  remove: (path: string) => rm(path, { force: true }),
  removeTree: (path: string) => rm(path, { recursive: true, force: true }),
} satisfies Partial<Files> as unknown as Files;
