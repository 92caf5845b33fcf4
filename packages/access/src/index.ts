export {
  type CompiledAction,
  compileAction,
  DETECTORS_VERSION,
  detokenize,
  hashText,
  type KeyLabel,
  openPseudonyms,
  type Pseudonyms,
  pseudonymsOf,
  redactValue,
  scrubSql,
  scrubText,
  tokenizeText,
  type ValueAction,
} from './actions/index.ts';
export { columnEffects, type PathEffect } from './policy/column-effects.ts';
export { assumedSchema, pathsOf, unmet } from './policy/expectations.ts';
export { type ExplainedPolicy, explainPolicy } from './policy/explain.ts';
export { policyOf, refusedZones, SEES_ALL, zoneAllowed } from './policy/policy-of.ts';
export { seenTable, type TableShape } from './policy/see-table.ts';
export type { SeenTable } from './policy/seen-table.ts';
export { manifestFacts, noFacts, type TableFacts } from './policy/table-facts.ts';
export type {
  ColumnEffect,
  ColumnRule,
  HiddenTable,
  RowRule,
  Rule,
  TablePolicy,
  VisibleTable,
} from './policy/table-policy.ts';
export { createTableRedactor } from './redact/index.ts';
