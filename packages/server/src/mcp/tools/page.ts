import { HakiriError } from '@hakiri/core';
import { z } from 'zod';

/** Bytes of an answer when the caller says nothing: some 15,000 tokens. */
export const DEFAULT_MAX_BYTES = 60_000;
export const LEAST_MAX_BYTES = 2_000;
export const MOST_MAX_BYTES = 1_000_000;

/** The field by which a caller bounds an answer. */
export const maxBytesField = z
  .int()
  .min(LEAST_MAX_BYTES)
  .max(MOST_MAX_BYTES)
  .optional()
  .describe(
    `Size of the answer, bytes; ${DEFAULT_MAX_BYTES} when left out. What does not fit follows with next.`,
  );

export const nextField = z
  .string()
  .max(64_000)
  .optional()
  .describe('From the answer before; the other arguments have to be the same again.');

export const nextOutput = z
  .string()
  .optional()
  .describe('There is more: repeat the same call with this as next.');

/** UTF-8 bytes of a value as JSON. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/**
 * As many items from where `next` points as fit into `maxBytes`. Position counts, so that a list that changed between
 * two calls may repeat or miss an item.
 * @throws HakiriError query.next_invalid; query.too_large when not even one item fits
 */
export function pageOf<T>(
  items: readonly T[],
  { next, maxBytes, bytes = jsonBytes }: PageLimits<T>,
): Page<T> {
  const start = next === undefined ? 0 : parseOffset(next);
  let end = start;
  for (let left = maxBytes; end < items.length; end++) {
    left -= bytes(items[end] as T);
    if (left < 0) break;
  }
  if (end === start && start < items.length) {
    throw new HakiriError('query.too_large', `a single item is larger than ${maxBytes} bytes`);
  }
  return { items: items.slice(start, end), ...(end < items.length ? { next: `o${end}` } : {}) };
}

export interface PageLimits<T> {
  readonly next: string | undefined;
  readonly maxBytes: number;
  /** Size of one item in the answer; that of its JSON when undefined. */
  readonly bytes?: (item: T) => number;
}

/** The field of an answer that is one page of more. */
export function nextOf({ next }: { readonly next?: string | undefined }): { readonly next?: string } {
  return next === undefined ? {} : { next };
}

/** A page as text: a line an item, and how to go on. */
export function listText(
  lines: readonly string[],
  { next }: { readonly next?: string | undefined },
  none: string,
): string {
  if (lines.length === 0) return none;
  return [
    ...lines,
    ...(next === undefined ? [] : [`More: repeat the same call with next = "${next}".`]),
  ].join('\n');
}

function parseOffset(next: string): number {
  const offset = /^o(\d{1,9})$/.exec(next)?.[1];
  if (offset === undefined)
    throw new HakiriError('query.next_invalid', 'next is none that this tool gave out');
  return Number(offset);
}
