export { mergeTextSegments, type TextMergeSource } from './merge-segments.ts';
export { type ParsedTextQuery, parseTextQuery, type TextClause, type TextMatch } from './parse-query.ts';
export {
  searchText,
  type TextDocuments,
  type TextHit,
  type TextSearchOptions,
  type TextSearchResult,
} from './search-text.ts';
export { createTextSegmentBuilder, type TextSegmentBuilder } from './segment-builder.ts';
export { openTextSegment, type ReadBytes } from './segment-reader.ts';
export type { TextSegment } from './text-segment.ts';
