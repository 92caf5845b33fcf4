import type { LogicalType } from '../types/logical-type.ts';
import type { CompareOp, Span, TextTest } from './ast.ts';
import type { Scalar } from './compare.ts';

/**
 * A predicate whose names are columns of a schema and whose values have the type they are compared in. Both
 * backends read this form, so that whatever it settles (exact numbers, times, what can never match) they cannot
 * settle differently. Comparing never fails on a value: nothing here casts a row's value to a narrower type.
 */
export type Bound =
  | { readonly kind: 'constant'; readonly value: boolean | null }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Bound[] }
  | { readonly kind: 'not'; readonly operand: Bound }
  | { readonly kind: 'is_null'; readonly negated: boolean; readonly operand: BoundColumn | Bound }
  | {
      readonly kind: 'is_boolean';
      readonly negated: boolean;
      readonly value: boolean;
      readonly operand: Bound;
    }
  /** A boolean column. */
  | { readonly kind: 'truth'; readonly column: BoundColumn }
  /** The same for every value of the column, NULL where it is NULL. */
  | { readonly kind: 'unless_null'; readonly value: boolean; readonly column: BoundColumn }
  | {
      readonly kind: 'compare';
      readonly op: BoundOp;
      /** What both sides are brought to before they are compared. */
      readonly type: LogicalType;
      readonly left: BoundColumn;
      readonly right: BoundColumn | BoundLiteral;
    }
  | {
      readonly kind: 'in';
      readonly type: LogicalType;
      readonly column: BoundColumn;
      /** At least one. */
      readonly items: readonly Scalar[];
    }
  | {
      readonly kind: 'like';
      readonly column: BoundColumn;
      readonly ignoreCase: boolean;
      readonly pattern: string;
      readonly escapeSign: string | undefined;
    }
  | {
      readonly kind: 'text';
      readonly test: TextTest;
      readonly column: BoundColumn;
      readonly argument: string;
    }
  /** A list of texts that has this one. */
  | { readonly kind: 'holds'; readonly column: BoundColumn; readonly item: string };

export type BoundOp = CompareOp | 'distinct' | 'not_distinct';

export interface BoundColumn {
  readonly kind: 'column';
  /** As the schema spells it. */
  readonly path: readonly string[];
  readonly type: LogicalType;
  readonly span: Span;
}

export interface BoundLiteral {
  readonly kind: 'literal';
  readonly value: Scalar;
}

/** What an operator says of two values that are not null, from how they compare. */
export function decide(op: BoundOp, order: number): boolean {
  switch (op) {
    case '=':
    case 'not_distinct':
      return order === 0;
    case '<>':
    case 'distinct':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}
