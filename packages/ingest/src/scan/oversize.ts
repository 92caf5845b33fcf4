import type { SetAside } from '@hakiri/core';

/** How much of a record past the limit is kept for the quarantine file. */
export const SAMPLE_BYTES = 4096;

export function oversizeRecord(sample: Uint8Array, maxRecordBytes: number): SetAside {
  return {
    code: 'record.too_large',
    reason: `the record is larger than ${maxRecordBytes} bytes`,
    record: Buffer.from(sample.subarray(0, SAMPLE_BYTES)),
  };
}
