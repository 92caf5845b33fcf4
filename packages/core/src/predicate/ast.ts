/**
 * A filter as a tree. Trees combine as trees (`and`, `or`, `not`), never as text, so that no filter can close
 * another's parenthesis. Each leaf remembers the text it came from, for error messages.
 */
export type Predicate =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Predicate[] }
  | { readonly kind: 'not'; readonly operand: Predicate }
  | { readonly kind: 'compare'; readonly op: CompareOp; readonly left: Value; readonly right: Value }
  /** `IS [NOT] DISTINCT FROM`: equality in which NULL equals NULL. */
  | { readonly kind: 'distinct'; readonly negated: boolean; readonly left: Value; readonly right: Value }
  | { readonly kind: 'is_null'; readonly negated: boolean; readonly operand: Predicate }
  | {
      readonly kind: 'is_boolean';
      readonly negated: boolean;
      readonly value: boolean;
      readonly operand: Predicate;
    }
  | {
      readonly kind: 'in';
      readonly negated: boolean;
      readonly operand: Value;
      readonly items: readonly Value[];
    }
  | {
      readonly kind: 'between';
      readonly negated: boolean;
      readonly operand: Value;
      readonly low: Value;
      readonly high: Value;
    }
  | {
      readonly kind: 'like';
      readonly negated: boolean;
      readonly ignoreCase: boolean;
      readonly operand: Value;
      readonly pattern: TextLiteral;
      readonly escape: TextLiteral | undefined;
    }
  | {
      readonly kind: 'text';
      readonly test: TextTest;
      readonly operand: Value;
      readonly argument: TextLiteral;
    }
  /** A boolean column or literal standing alone; under `is_null`, a value of any type. */
  | { readonly kind: 'value'; readonly value: Value };

export type CompareOp = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type TextTest = 'starts_with' | 'ends_with' | 'contains';
export const TEXT_TESTS: readonly TextTest[] = ['starts_with', 'ends_with', 'contains'];

export type Value = ColumnReference | Literal;

export interface ColumnReference {
  readonly kind: 'column';
  /** The column, then the fields of structs it leads through. */
  readonly path: readonly string[];
  readonly span: Span;
}

export type Literal = TextLiteral | NumberLiteral | BooleanLiteral | NullLiteral | TimeLiteral;

export interface TextLiteral {
  readonly kind: 'text';
  readonly text: string;
  readonly span: Span;
}

/** Exactly `unscaled / 10^scale`. */
export interface NumberLiteral {
  readonly kind: 'number';
  readonly unscaled: bigint;
  readonly scale: number;
  readonly span: Span;
}

export interface BooleanLiteral {
  readonly kind: 'boolean';
  readonly value: boolean;
  readonly span: Span;
}

export interface NullLiteral {
  readonly kind: 'null';
  readonly span: Span;
}

/** `TIMESTAMP '...'`, `TIMESTAMPTZ '...'` or `DATE '...'`: microseconds since 1970 UTC; without a zone it is read as UTC. */
export interface TimeLiteral {
  readonly kind: 'timestamp' | 'date';
  readonly micros: bigint;
  readonly span: Span;
}

/** A stretch of a filter's text, in UTF-16 units. */
export interface Span {
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

/** True where all are true. Of none: true. */
export function and(...operands: readonly Predicate[]): Predicate {
  return combine('and', operands);
}

/** True where any is true. Of none: false. */
export function or(...operands: readonly Predicate[]): Predicate {
  return combine('or', operands);
}

export function not(operand: Predicate): Predicate {
  return { kind: 'not', operand };
}

function combine(kind: 'and' | 'or', operands: readonly Predicate[]): Predicate {
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind, operands };
}
