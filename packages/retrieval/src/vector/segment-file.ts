/** The bytes of a segment, read by position. Reads are synchronous: a search waits for nothing else. */
export interface SegmentFile {
  readonly bytes: number;
  /** Exactly `length` bytes from `offset`, which the caller may keep. @throws HakiriError store.io, index.damaged */
  read(offset: number, length: number): Uint8Array;
  /** Fills `into` with the bytes from `offset`. @throws HakiriError store.io, index.damaged */
  readInto(offset: number, into: Uint8Array): void;
}

/** Takes the bytes of a segment in their order; what it is given is the writer's again once it returns. */
export type SegmentSink = (bytes: Uint8Array) => void;
