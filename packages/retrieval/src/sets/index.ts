export {
  everyRow,
  hasRow,
  intersect,
  ordinalsOf,
  type RowSet,
  rowSetFromWords,
  rowSetOf,
} from './row-set.ts';
export { aliveRows, allowedRows } from './table-rows.ts';
