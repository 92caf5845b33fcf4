import { HakiriError, type MemoryItem, type MemoryWrite } from '@hakiri/core';

/** Far above a note, far below a document: those belong in a pipeline. */
const MAX_TEXT_CHARACTERS = 100_000;
const MAX_METADATA_CHARACTERS = 65_536;
const MAX_SHORT_CHARACTERS = 1000;
const MAX_TAGS = 100;
const MAX_ITEMS = 1000;

/** @throws HakiriError memory.invalid, memory.too_large */
export function checkItems({ items }: MemoryWrite): void {
  if (items.length === 0) throw new HakiriError('memory.invalid', 'There is nothing to remember');
  requireWithin(items.length, MAX_ITEMS, 'items');
  for (const [i, item] of items.entries()) checkItem(item, `items[${i}]`);
}

function checkItem({ text, subject, source, tags = [], metadata }: MemoryItem, place: string): void {
  if (text.trim() === '') throw new HakiriError('memory.invalid', `${place}.text is empty`);
  requireWithin(text.length, MAX_TEXT_CHARACTERS, `characters in ${place}.text`);
  requireWithin(subject?.length ?? 0, MAX_SHORT_CHARACTERS, `characters in ${place}.subject`);
  requireWithin(source?.length ?? 0, MAX_SHORT_CHARACTERS, `characters in ${place}.source`);
  requireWithin(tags.length, MAX_TAGS, `${place}.tags`);
  for (const tag of tags) requireWithin(tag.length, MAX_SHORT_CHARACTERS, `characters in a tag of ${place}`);
  const size = metadata === undefined ? 0 : JSON.stringify(metadata).length;
  requireWithin(size, MAX_METADATA_CHARACTERS, `characters in ${place}.metadata`);
}

function requireWithin(count: number, limit: number, what: string): void {
  if (count > limit)
    throw new HakiriError('memory.too_large', `More than ${limit} ${what}: nothing was written`);
}
