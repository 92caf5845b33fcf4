import { isReadExactly, plainDecimal } from './decimals.ts';
import { integerOf, integerRange } from './integers.ts';
import type { Edit, JsonValue, NumberValue } from './record-reader.ts';
import type { ScalarShape, Shape } from './shape.ts';

/** Collects the changes a value needs for the engine to read it without loss. The value fits the shape. */
export function collectEdits(shape: Shape | undefined, value: JsonValue, edits: Edit[]): void {
  if (shape === undefined) return;
  if (shape.kind === 'scalar' && value.kind === 'number') {
    const text = rewrittenNumber(shape, value);
    if (text !== undefined) edits.push({ start: value.start, end: value.end, text });
  } else if (shape.kind === 'list' && value.kind === 'array') {
    for (const item of value.items) collectEdits(shape.item, item, edits);
  } else if (shape.kind === 'struct' && value.kind === 'object') {
    for (const { key, value: member } of value.members) collectEdits(shape.fields.get(key), member, edits);
  }
}

function rewrittenNumber(shape: ScalarShape, { token, integer }: NumberValue): string | undefined {
  if (shape.type.kind === 'string') return `"${integer ? token : integerOf(token)}"`;
  if (shape.type.kind === 'decimal')
    return isReadExactly(token, shape.type) ? undefined : `"${plainDecimal(token)}"`;
  if (!integer && integerRange(shape.type) !== undefined) return String(integerOf(token));
  return undefined;
}

/** The line with its edits made; they do not overlap. */
export function applyEdits(line: Buffer, edits: readonly Edit[]): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    pieces.push(line.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  pieces.push(line.subarray(at));
  return Buffer.concat(pieces);
}
