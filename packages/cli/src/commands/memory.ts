import { HakiriError, type JsonValue, type MemoryFound } from '@hakiri/core';
import { commandGrant } from '../command-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { plural } from '../format/units.ts';
import { memoryOf } from '../full/memory.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { withProject } from '../with-project.ts';

interface MemoryFlags {
  readonly namespace?: string;
  readonly project?: string;
  readonly json: boolean;
}

export interface MemoryWriteFlags extends MemoryFlags {
  readonly subject?: string;
  readonly tag?: readonly string[];
  readonly metadata?: string;
  readonly source?: string;
  readonly supersedes?: string;
}

export interface MemorySearchFlags extends MemoryFlags {
  readonly subject?: string;
  readonly tag?: readonly string[];
  readonly filter?: string;
  readonly limit: number;
  readonly superseded: boolean;
}

export interface MemoryForgetFlags extends MemoryFlags {
  readonly subject?: string;
  readonly erase: boolean;
}

export async function writeMemory(call: Call, flags: MemoryWriteFlags, text: string): Promise<undefined> {
  const { services, output } = call;
  const written = text === '-' ? (await services.readStdin()).replace(/\r?\n$/, '') : text;
  const { namespace, subject, tag: tags, source, supersedes } = flags;
  const metadata = parseMetadata(flags.metadata);
  const item = {
    text: written,
    ...(subject === undefined ? {} : { subject }),
    ...(tags === undefined ? {} : { tags }),
    ...(source === undefined ? {} : { source }),
    ...(supersedes === undefined ? {} : { supersedes }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  const done = await withProject(services, flags.project, async (project) =>
    memoryOf(project).write({ ...named(namespace), items: [item] }, await commandGrant(services, project)),
  );
  output.out.line(flags.json ? jsonDocument(done) : (done.ids[0] ?? ''));
}

export async function searchMemory(call: Call, flags: MemorySearchFlags, text?: string): Promise<undefined> {
  const { services, output } = call;
  const { namespace, subject, tag: tags, filter, limit: k, superseded: includeSuperseded } = flags;
  const found = await withProject(services, flags.project, async (project) =>
    memoryOf(project).search(
      {
        ...named(namespace),
        ...(text === undefined ? {} : { text }),
        ...(subject === undefined ? {} : { subject }),
        ...(tags === undefined ? {} : { tags }),
        ...(filter === undefined ? {} : { filter }),
        k,
        includeSuperseded,
      },
      await commandGrant(services, project),
    ),
  );
  if (flags.json) output.out.line(jsonDocument(found));
  else print(found, call);
}

export async function forgetMemory(
  call: Call,
  flags: MemoryForgetFlags,
  ...ids: readonly string[]
): Promise<undefined> {
  const { services, output } = call;
  const { namespace, subject, erase } = flags;
  const done = await withProject(services, flags.project, async (project) =>
    memoryOf(project).forget(
      {
        ...named(namespace),
        ...(ids.length === 0 ? {} : { ids }),
        ...(subject === undefined ? {} : { subject }),
        erase,
      },
      await commandGrant(services, project),
    ),
  );
  if (flags.json) {
    output.out.line(jsonDocument(done));
    return;
  }
  for (const id of done.forgotten) output.out.line(id);
  output.err.line(`Forgot ${plural(done.forgotten.length, 'item')}.`);
}

function print({ items }: MemoryFound, { output }: Call): void {
  if (items.length === 0) output.err.line('Nothing was found.');
  for (const { id, subject, text, tags, created, superseded } of items) {
    const facts = [
      created,
      ...(subject === null ? [] : [subject]),
      ...tags.map((tag) => `#${tag}`),
      ...(superseded === null ? [] : [`superseded ${superseded}`]),
    ];
    output.out.line(`${id}  ${escapeLine(facts.join('  '))}`);
    output.out.line(`  ${escapeLine(text)}`);
  }
}

function named(namespace: string | undefined): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

/** @throws HakiriError usage.argument */
function parseMetadata(text: string | undefined): { [key: string]: JsonValue } | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as { [key: string]: JsonValue };
    }
  } catch {
    // Told below.
  }
  throw new HakiriError('usage.argument', '--metadata is not a JSON object', {
    hint: 'Write it as --metadata \'{"ticket": 4711}\'.',
  });
}
