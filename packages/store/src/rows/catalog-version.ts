import { DatabaseSync } from 'node:sqlite';

export interface CatalogVersion {
  /** Another number after every change of the catalog, whoever makes it; undefined where that cannot be told. */
  now(): number | undefined;
  close(): void;
}

/** SQLite counts what other connections commit: this one never writes, so that it sees every change. */
export function catalogVersion(path: string): CatalogVersion {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
    const version = db.prepare('PRAGMA data_version');
    const now = (): number | undefined => {
      try {
        return Number(version.get()?.data_version);
      } catch {
        return undefined;
      }
    };
    return { now, close: () => db?.close() };
  } catch {
    db?.close();
    return { now: () => undefined, close: () => {} };
  }
}
