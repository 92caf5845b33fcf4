import { z } from 'zod';

const owedListSchema = z.object({
  /** With its placeholders filled in. */
  path: z.string(),
  /** JSON text of the parent's key. */
  rawKey: z.string(),
  /** JSON text of the greatest value taken of this list; of a resource that can be asked for changes. */
  value: z.string().optional(),
});
export type OwedList = z.output<typeof owedListSchema>;

/** Where the pull of a resource stands; part of the cursor of its table. */
const stateSchema = z.object({
  /** Column the value is of: another column makes the value worthless. */
  column: z.string().optional(),
  /** JSON text of the greatest value seen. */
  value: z.string().optional(),
  /** Digests of the records that have exactly this value: they were taken, and come again with the next pull. */
  boundary: z.array(z.string()).optional(),
  /** ETags by digest of the page address, of lists whose first page tells whether anything changed. */
  etags: z.record(z.string(), z.string()).optional(),
  /** Lists of single parent rows that could not be read: the next pull reads them although the parent has not changed. */
  owed: z.array(owedListSchema).optional(),
});

export type ResourceState = z.output<typeof stateSchema> & { readonly parent?: ResourceState };

export const resourceStateSchema: z.ZodType<ResourceState> = stateSchema.extend({
  get parent() {
    return resourceStateSchema.optional() as z.ZodOptional<z.ZodType<ResourceState>>;
  },
}) as z.ZodType<ResourceState>;

const VERSION = 1;
const cursorSchema = z.object({ v: z.literal(VERSION), state: resourceStateSchema });

export function encodeCursor(state: ResourceState): string {
  return JSON.stringify({ v: VERSION, state });
}

/** Undefined for a cursor this version does not understand: the table is then read from the start. */
export function decodeCursor(cursor: string | undefined): ResourceState | undefined {
  return parseVersioned(cursor, cursorSchema)?.state;
}

export function parseVersioned<Schema extends z.ZodType>(
  text: string | undefined,
  schema: Schema,
): z.output<Schema> | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export const MAX_ETAGS = 200;
