import { type Grant, HakiriError, nearest } from '@hakiri/core';
import type { CallToolResult, Tool as ListedTool, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../../caller/caller.ts';
import type { ServerServices } from '../../services.ts';
import { cleanText, cleanValue } from '../clean-text.ts';
import type { ReportProgress } from '../progress.ts';
import { UNTRUSTED } from '../untrusted.ts';
import { jsonSchema } from './json-schema.ts';

/** What a tool has at hand while it runs. */
export interface ToolContext {
  readonly services: ServerServices;
  readonly caller: Caller;
  /** The caller's. */
  readonly grant: Grant;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}

/** Made by `answer`. */
export interface ToolAnswer {
  /** Fits the tool's output schema. */
  readonly structured: object;
  /** The same for clients that show text alone, as short as it goes. */
  readonly text: string;
}

/**
 * The text is made of what was cleaned: made before, it could hold a control character as a JSON escape. `fromData`
 * says whether anything of it was written by a source or another agent.
 */
export function answer<Structured extends object>(
  structured: Structured,
  fromData: boolean,
  text: (structured: Structured) => string,
): ToolAnswer {
  const clean = cleanValue(structured);
  const told = cleanText(text(clean));
  return { structured: clean, text: fromData ? `${UNTRUSTED}\n${told}` : told };
}

export interface Tool {
  readonly name: string;
  readonly listed: ListedTool;
  /** Whether it is of any use to this caller; calling it is refused all the same, or not, by what it asks for. */
  isFor(caller: Caller): boolean;
  /** @throws HakiriError usage.argument where the input does not fit, and whatever the work itself throws */
  run(input: unknown, context: ToolContext): Promise<ToolAnswer>;
}

export interface ToolDefinition<Input extends z.ZodType, Output extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** Constant, for every project alike. */
  readonly description: string;
  /** Whom it may surprise: every one of the four is said, since clients assume the worst of what is not. */
  readonly annotations: Required<Omit<ToolAnnotations, 'title'>>;
  readonly input: Input;
  /** What is listed where the input is looked at in more than one step; `input` when undefined. */
  readonly listedInput?: z.ZodType;
  readonly output: Output;
  /** For everybody when undefined. */
  readonly isFor?: (caller: Caller) => boolean;
  run(input: z.output<Input>, context: ToolContext): Promise<ToolAnswer>;
}

export function defineTool<Input extends z.ZodType, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, title, description, annotations, input, listedInput = input, output } = definition;
  return {
    name,
    listed: {
      name,
      title,
      description,
      inputSchema: jsonSchema(listedInput, 'input') as ListedTool['inputSchema'],
      outputSchema: withError(jsonSchema(output, 'output')) as ListedTool['outputSchema'],
      annotations: { title, ...annotations },
    },
    isFor: definition.isFor ?? (() => true),
    run: (given, context) => definition.run(parseInput(input, given), context),
  };
}

export function answerResult({ structured, text }: ToolAnswer): CallToolResult {
  return { structuredContent: { ...structured }, content: [{ type: 'text', text }] };
}

/** @throws HakiriError usage.argument naming every field that does not fit, and the nearest name of an unknown one */
export function parseInput<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 5).map((issue) => tell(issue, schema));
  throw new HakiriError('usage.argument', `the arguments do not fit: ${issues.join('; ')}`, {
    hint: 'Correct them; inputSchema of the tool says what it takes.',
  });
}

function tell(issue: z.core.$ZodIssue, schema: z.ZodType): string {
  const path = issue.path.map(String).join('.');
  const where = path === '' ? '' : `${path.slice(0, 200)}: `;
  if (issue.code !== 'unrecognized_keys') return `${where}${issue.message}`;
  const known = path === '' && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return `${where}${issue.keys
    .slice(0, 5)
    .map((key) => unknownKey(key.slice(0, 80), known))
    .join('; ')}`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `there is no "${key}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
}

/** A failed call has `error` and nothing else; some clients check failed calls against the schema, too. */
function withError(schema: Record<string, unknown>): Record<string, unknown> {
  const { properties, required = [], ...rest } = schema;
  return {
    ...rest,
    properties: { ...(properties as object), error: jsonSchema(ERROR, 'output') },
    anyOf: [{ required }, { required: ['error'] }],
  };
}

const ERROR = z
  .object({
    code: z.string(),
    message: z.string().describe('What happened.'),
    hint: z.string().describe('What to do next.'),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('Only of a call that failed, and then alone.');
