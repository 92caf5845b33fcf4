export { type CompiledAction, compileAction, redactValue, type ValueAction } from './act.ts';
export { hashText } from './hash.ts';
export { type KeyLabel, openPseudonyms, type Pseudonyms, pseudonymsOf } from './pseudonyms.ts';
export { DETECTORS_VERSION, scrubSql, scrubText } from './scrub.ts';
export { detokenize, tokenizeText } from './tokenize.ts';
