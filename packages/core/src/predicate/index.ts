export {
  and,
  type ColumnReference,
  type CompareOp,
  type Literal,
  not,
  or,
  type Predicate,
  type Span,
  type TextTest,
  type Value,
} from './ast.ts';
export { compareText } from './compare.ts';
export { compilePredicate, type PredicateRow, type Truth } from './evaluate.ts';
export { parsePredicate } from './parse.ts';
export { type ColumnSql, predicateToSql } from './to-sql.ts';
