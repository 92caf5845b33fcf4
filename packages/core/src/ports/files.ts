/** The disk, injected so that tests can tear writes, lose what was not synced, and fill it up. Paths are absolute. */
export interface Files {
  readBytes(path: string): Promise<Uint8Array>;
  readText(path: string): Promise<string>;
  /** Creates or replaces a file. Durable only after `sync`. */
  write(path: string, content: Uint8Array | string, mode?: number): Promise<void>;
  /** Opens for writing from the start; once closed, the file holds what was written and nothing else. */
  create(path: string): Promise<WritableFile>;
  /** Opens for adding to the end; made where it is missing. What it holds is durable only up to the last `sync`. */
  append(path: string): Promise<AppendFile>;
  /** Flushes a file to the disk. */
  sync(path: string): Promise<void>;
  /** Flushes a folder: the names in it survive a power cut. */
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; missing is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder and all in it; missing is fine. */
  removeTree(path: string): Promise<void>;
  /** Creates a folder and its parents, with `mode` where they are new. */
  makeFolder(path: string, mode?: number): Promise<void>;
  /** Entries of a folder, sorted by name; none when it is missing. */
  list(path: string): Promise<readonly FileEntry[]>;
  /** Undefined when there is nothing at that path. */
  stat(path: string): Promise<FileStat | undefined>;
}

export interface WritableFile {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface AppendFile {
  readonly sizeBytes: number;
  /** All of the bytes, or an error: then some of them may be there. */
  write(bytes: Uint8Array): Promise<void>;
  /** Flushes content and size. After an error nothing is known of what was written since the last one. */
  sync(): Promise<void>;
  /** Cuts the end off; later writes follow there. */
  truncate(sizeBytes: number): Promise<void>;
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
