export type { SeenTable } from './policy/seen-table.ts';
export type {
  ColumnEffect,
  ColumnRule,
  HiddenTable,
  RowRule,
  Rule,
  TablePolicy,
  VisibleTable,
} from './policy/table-policy.ts';
