export const DURATION_PATTERN = /^\d{1,9}(ms|s|m|h|d)$/;
export const ROW_COUNT_PATTERN = /^\d{1,9} rows?$/;
export const BYTE_SIZE_PATTERN = /^\d{1,9} ?(B|KB|MB|GB)$/;

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Powers of 1024: memory and record sizes, not what a disk's box says. */
const BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

/** Milliseconds of `90s`, `10m`, `2h`, `7d`; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const unit = DURATION_PATTERN.exec(text)?.[1] as keyof typeof MILLISECONDS | undefined;
  return unit && Number.parseInt(text, 10) * MILLISECONDS[unit];
}

/** The number in `100000 rows`; undefined for anything else. */
export function parseRowCount(text: string): number | undefined {
  return ROW_COUNT_PATTERN.test(text) ? Number.parseInt(text, 10) : undefined;
}

/** Bytes of `16 MB`; undefined for anything else. */
export function parseByteSize(text: string): number | undefined {
  const unit = BYTE_SIZE_PATTERN.exec(text)?.[1] as keyof typeof BYTES | undefined;
  return unit && Number.parseInt(text, 10) * BYTES[unit];
}
