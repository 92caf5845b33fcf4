import { integerRange } from './integers.ts';
import { ensureMemory, type Kernel, MEMORY_START } from './kernel.ts';
import { countShapes, type ScalarShape, type Shape, type StructShape } from './shape.ts';

// The bits and the layout of a node are those of `assembly/shape.as.ts`.
const NULL = 1;
const STRING = 2;
const BOOLEAN = 4;
const INT_SHORT = 8;
const INT64 = 16;
const INT_RANGE = 32;
const INT_TEXT = 64;
const FRACTION = 128;
const DECIMAL = 256;
const OBJECT = 512;
const LIST = 1024;
const ANY = 2048;
const OPEN = 4096;

const ACCEPT = 0;
const KEY = 4;
const KEY_BYTES = 8;
const KEY_MASK = 12;
const FIRST = 16;
const FOLLOWER = 20;
const PARENT = 28;
const MIN = 40;
const MAX = 48;
const NODE_BYTES = 64;
const VECTOR_BYTES = 16;

export interface ProgramOptions {
  /** Top-level columns that every record must hold, with a value. */
  readonly required: readonly string[];
  /** Keys the shape does not know are skipped. */
  readonly open: boolean;
}

/** A node no record ever holds: stands for a required column that the shape does not have yet. */
const ABSENT_AT = MEMORY_START;
/** Masks for the first 1 to 16 bytes of a vector. */
const MASKS_AT = ABSENT_AT + NODE_BYTES;
const REQUIRED_AT = MASKS_AT + VECTOR_BYTES * VECTOR_BYTES;

interface Writer {
  readonly kernel: Kernel;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly open: boolean;
  /** Where the next node goes. */
  node: number;
  /** Where the next key goes. */
  key: number;
}

/** Writes the shape into the kernel's memory; gives the first free address behind it. */
export function writeProgram(kernel: Kernel, root: StructShape, options: ProgramOptions): number {
  const nodes = countShapes(root);
  const slots = 2 ** Math.ceil(Math.log2(nodes * 2 + 1));
  const nodesAt = align(REQUIRED_AT + options.required.length * 4);
  const tableAt = nodesAt + nodes * NODE_BYTES;
  const keysAt = align(tableAt + slots * 4);
  const end = keysAt + keysBytes(root);
  ensureMemory(kernel, end);

  const { buffer } = kernel.memory;
  const bytes = new Uint8Array(buffer);
  bytes.fill(0, MEMORY_START, end);
  writeMasks(bytes);
  kernel.setTable(tableAt, slots);
  const writer = {
    kernel,
    bytes,
    view: new DataView(buffer),
    open: options.open,
    node: nodesAt,
    key: keysAt,
  };
  const rootAt = takeNode(writer, accepts(root) | (options.open ? OPEN : 0));
  const columns = writeFields(writer, rootAt, root, options.required);
  for (const [i, name] of options.required.entries()) {
    writer.view.setUint32(REQUIRED_AT + i * 4, columns.get(name) ?? ABSENT_AT, true);
  }
  kernel.setRoot(rootAt, REQUIRED_AT, options.required.length);
  return end;
}

function writeMasks(bytes: Uint8Array): void {
  for (let length = 1; length <= VECTOR_BYTES; length++) {
    bytes.fill(0xff, maskAt(length), maskAt(length) + length);
  }
}

function maskAt(length: number): number {
  return MASKS_AT + (length - 1) * VECTOR_BYTES;
}

function takeNode(writer: Writer, accept: number): number {
  const at = writer.node;
  writer.node += NODE_BYTES;
  writer.view.setUint32(at + ACCEPT, accept, true);
  return at;
}

function writeNode(writer: Writer, shape: Shape, required: boolean): number {
  const open = writer.open && shape.kind === 'struct' ? OPEN : 0;
  const at = takeNode(writer, (accepts(shape) | open) & (required ? ~NULL : ~0));
  if (shape.kind === 'scalar') writeRange(writer.view, at, shape);
  if (shape.kind === 'list') writer.view.setUint32(at + FIRST, writeNode(writer, shape.item, false), true);
  if (shape.kind === 'struct') writeFields(writer, at, shape, []);
  return at;
}

function writeRange(view: DataView, at: number, shape: ScalarShape): void {
  if (shape.type.kind === 'decimal') {
    view.setBigInt64(at + MIN, BigInt(shape.type.precision - shape.type.scale), true);
    view.setBigInt64(at + MAX, BigInt(shape.type.scale), true);
  }
  const range = integerRange(shape.type);
  if (range === undefined) return;
  view.setBigInt64(at + MIN, range.min, true);
  view.setBigInt64(at + MAX, range.max, true);
}

/** Writes the children of a struct, each pointing at the next one as its likely follower. */
function writeFields(
  writer: Writer,
  parent: number,
  shape: StructShape,
  required: readonly string[],
): Map<string, number> {
  const { view } = writer;
  const addresses = new Map<string, number>();
  let pointer = parent + FIRST;
  for (const [name, field] of shape.fields) {
    const at = writeNode(writer, field, required.includes(name));
    const key = keyBytes(name);
    writer.bytes.set(key, writer.key);
    view.setUint32(at + KEY, writer.key, true);
    view.setUint32(at + KEY_BYTES, key.length, true);
    view.setUint32(at + KEY_MASK, maskAt(((key.length - 1) % VECTOR_BYTES) + 1), true);
    view.setUint32(at + PARENT, parent, true);
    view.setUint32(pointer, at, true);
    pointer = at + FOLLOWER;
    writer.key += align(key.length);
    writer.kernel.link(at);
    addresses.set(name, at);
  }
  return addresses;
}

/** A key as it stands in a record: quoted, with the colon. */
function keyBytes(name: string): Buffer {
  return Buffer.from(`${JSON.stringify(name)}:`);
}

function keysBytes(shape: Shape): number {
  if (shape.kind === 'list') return keysBytes(shape.item);
  if (shape.kind !== 'struct') return 0;
  let sum = 0;
  for (const [name, field] of shape.fields) sum += align(keyBytes(name).length) + keysBytes(field);
  return sum;
}

function align(bytes: number): number {
  return Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;
}

/** What the kernel lets pass without a second look. It may be less than the shape takes, never more. */
function accepts(shape: Shape): number {
  switch (shape.kind) {
    case 'undecided':
      return NULL;
    case 'empty':
    case 'struct':
      return NULL | OBJECT;
    case 'list':
      return NULL | LIST;
    case 'scalar':
      return NULL | acceptsScalar(shape);
  }
}

function acceptsScalar(shape: ScalarShape): number {
  const text = shape.hold === 'declared' ? INT_TEXT : 0;
  switch (shape.type.kind) {
    case 'json':
      return ANY | BOOLEAN | STRING;
    case 'boolean':
      return BOOLEAN;
    case 'int8':
    case 'int16':
    case 'int32':
      return INT_RANGE | text;
    case 'int64':
      return shape.hold === 'fluid' && !shape.wide ? INT_SHORT : INT64 | text;
    case 'double':
      return INT_SHORT | FRACTION;
    case 'decimal':
      return DECIMAL;
    case 'bytes':
      return 0;
    default:
      return STRING;
  }
}
