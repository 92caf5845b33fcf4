export {
  everyRow,
  hasRow,
  intersect,
  ordinalsOf,
  type RowSet,
  rowSetFromWords,
  rowSetOf,
} from './row-set.ts';
export { aliveRows, allowedRows, placesOf, seenRows } from './table-rows.ts';
