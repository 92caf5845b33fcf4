/** The disk, injected so that tests can tear writes, lose what was not synced, and fill it up. Paths are absolute. */
export interface Files {
  readBytes(path: string): Promise<Uint8Array>;
  readText(path: string): Promise<string>;
  /** Creates or replaces a file. Durable only after `sync`. */
  write(path: string, content: Uint8Array | string, mode?: number): Promise<void>;
  /** Opens for writing from the start; once closed, the file holds what was written and nothing else. */
  create(path: string): Promise<WritableFile>;
  /** Flushes a file to the disk. */
  sync(path: string): Promise<void>;
  /** Flushes a folder: the names in it survive a power cut. */
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; missing is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder and all in it; missing is fine. */
  removeTree(path: string): Promise<void>;
  /** Creates a folder and its parents. */
  makeFolder(path: string): Promise<void>;
  /** Entries of a folder, sorted by name; none when it is missing. */
  list(path: string): Promise<readonly FileEntry[]>;
  /** Undefined when there is nothing at that path. */
  stat(path: string): Promise<FileStat | undefined>;
}

export interface WritableFile {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface FileStat {
  readonly sizeBytes: number;
  readonly isFolder: boolean;
  readonly modifiedMs: number;
}
