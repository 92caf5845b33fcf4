import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const WORDS =
  'memory leak while reading parquet file crash null pointer query plan join filter index slow build docs error test windows linux cache schema column type cast stream batch writer reader thread lock deadlock timeout retry upload download token policy view table snapshot compaction merge order partition vector search text score rank agent tool server client request response header body page cursor limit offset sort group count sum average window frame function macro extension plugin release version upgrade'.split(
    ' ',
  );

/** Rows like GitHub's issues, less their many addresses: about 640 bytes each, nested, with nulls. */
export function githubRow(i: number): string {
  const pick = (n: number) =>
    WORDS[((Math.imul(i + 1, 2654435761) + Math.imul(n, 40503)) >>> 0) % WORDS.length];
  const text = (from: number, length: number) => Array.from({ length }, (_, n) => pick(from + n)).join(' ');
  const at = (offset: number) =>
    new Date(1_600_000_000_000 + i * 1000 + offset).toISOString().replace('.000Z', 'Z');
  return JSON.stringify({
    id: 1_000_000_000 + i,
    node_id: `I_kwDO${(i * 7919).toString(36)}`,
    number: i,
    title: text(1, 6),
    state: i % 3 ? 'open' : 'closed',
    locked: false,
    comments: i % 17,
    created_at: at(0),
    updated_at: at(500_000_000),
    closed_at: i % 3 ? null : at(400_000_000),
    user: {
      login: `user${i % 5000}`,
      id: i % 5000,
      node_id: `U_${i % 5000}`,
      avatar_url: `https://avatars.example/u/${i % 5000}?v=4`,
      type: 'User',
      site_admin: false,
    },
    labels:
      i % 4 ? [] : [{ id: i % 50, name: pick(9), color: 'd73a4a', default: i % 8 === 0, description: null }],
    assignee: i % 5 ? null : { login: `user${i % 300}`, id: i % 300, type: 'User' },
    milestone: i % 11 ? null : { id: i % 20, title: `v${i % 20}.0`, due_on: null },
    body: text(20, i % 40),
    reactions: { total_count: i % 5, '+1': i % 3, '-1': 0, heart: i % 2 },
  });
}

/** What the rows hold, for those who may know the columns. */
export const GITHUB_COLUMNS: Readonly<Record<string, string>> = {
  id: 'BIGINT',
  node_id: 'VARCHAR',
  number: 'BIGINT',
  title: 'VARCHAR',
  state: 'VARCHAR',
  locked: 'BOOLEAN',
  comments: 'BIGINT',
  created_at: 'VARCHAR',
  updated_at: 'VARCHAR',
  closed_at: 'VARCHAR',
  user: 'STRUCT("login" VARCHAR, "id" BIGINT, "node_id" VARCHAR, "avatar_url" VARCHAR, "type" VARCHAR, "site_admin" BOOLEAN)',
  labels: 'STRUCT("id" BIGINT, "name" VARCHAR, "color" VARCHAR, "default" BOOLEAN, "description" VARCHAR)[]',
  assignee: 'STRUCT("login" VARCHAR, "id" BIGINT, "type" VARCHAR)',
  milestone: 'STRUCT("id" BIGINT, "title" VARCHAR, "due_on" VARCHAR)',
  body: 'VARCHAR',
  reactions: 'STRUCT("total_count" BIGINT, "+1" BIGINT, "-1" BIGINT, "heart" BIGINT)',
};

/** The same columns as a manifest declares them. */
export const GITHUB_DECLARED: Readonly<Record<string, string>> = {
  id: 'int64',
  node_id: 'string',
  number: 'int64',
  title: 'string',
  state: 'string',
  locked: 'boolean',
  comments: 'int64',
  created_at: 'string',
  updated_at: 'string',
  closed_at: 'string',
  user: 'struct<login: string, id: int64, node_id: string, avatar_url: string, type: string, site_admin: boolean>',
  labels: 'struct<id: int64, name: string, color: string, default: boolean, description: string>[]',
  assignee: 'struct<login: string, id: int64, type: string>',
  milestone: 'struct<id: int64, title: string, due_on: string>',
  body: 'string',
  reactions: 'struct<total_count: int64, "+1": int64, "-1": int64, heart: int64>',
};

export const PAGE_ROWS = 100_000;

/** Writes the pages once, and says where they are. */
export function githubPages(folder: string, rows: number): string {
  const pages = join(folder, `github-${rows}`);
  if (existsSync(pages)) return pages;
  const making = `${pages}.making`;
  mkdirSync(making, { recursive: true });
  for (let page = 0; page * PAGE_ROWS < rows; page++) {
    const file = openSync(join(making, `page-${String(page).padStart(3, '0')}.ndjson`), 'w');
    for (let from = page * PAGE_ROWS; from < Math.min(rows, (page + 1) * PAGE_ROWS); from += 1000) {
      writeSync(file, Array.from({ length: 1000 }, (_, n) => `${githubRow(from + n)}\n`).join(''));
    }
    closeSync(file);
  }
  renameSync(making, pages);
  return pages;
}
