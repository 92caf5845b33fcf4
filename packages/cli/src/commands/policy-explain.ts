import { explainPolicy, manifestFacts, policyOf, refusedZones } from '@hakiri/access';
import { AS_OWNER_GRANT, type Grant, typeName } from '@hakiri/core';
import { callerGrant } from '../caller-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { ruleText } from '../format/policy-rule.ts';
import { textTable } from '../format/text-table.ts';
import type { Channel } from '../output.ts';
import { type PolicyTable, policyTables } from '../policy-tables.ts';
import type { Call, Project } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { unknownName } from '../unknown-name.ts';
import { withProject } from '../with-project.ts';

export interface PolicyExplainFlags {
  readonly table?: string;
  readonly tokenFile?: string;
  readonly asOwner: boolean;
  readonly project?: string;
  readonly json: boolean;
}

/** Says what a caller sees of tables, and by which rules. Throws `token.*`, `usage.unknown_name`. */
export async function explainPolicies(
  { services, output }: Call,
  flags: PolicyExplainFlags,
): Promise<undefined> {
  const explained = await withProject(services, flags.project, async (project) => {
    const grant = flags.asOwner ? AS_OWNER_GRANT : await callerGrant(services, project, flags.tokenFile);
    const tables = await chosenTables(project, flags.table);
    return { caller: callerOf(grant), tables: tables.map((table) => explain(project, table, grant)) };
  });
  if (flags.json) {
    output.out.line(jsonDocument(explained));
    return;
  }
  printCaller(explained.caller, output.out);
  for (const table of explained.tables) printTable(table, output.out);
}

async function chosenTables(project: Project, name: string | undefined): Promise<readonly PolicyTable[]> {
  const tables = await policyTables(project);
  if (name === undefined) return tables;
  const table = tables.find((each) => each.name === name);
  if (table !== undefined) return [table];
  throw unknownName(
    'table',
    name,
    tables.map((each) => each.name),
  );
}

function callerOf(grant: Grant) {
  const zones = refusedZones(grant);
  return {
    agent: grant.principal.agent,
    zone: grant.zone ?? null,
    asOwner: grant.asOwner,
    // Nothing is served to a caller outside them.
    refusedByZones: zones === undefined ? null : [...zones],
  };
}

function explain({ manifest }: Project, { name, schema, isStored }: PolicyTable, grant: Grant) {
  const policy = policyOf(manifestFacts(manifest)(name), schema, grant);
  if (policy.kind === 'hidden') {
    return { table: name, stored: isStored, hidden: true as const, because: ruleText(policy.because) };
  }
  const { rows, columns, idle } = explainPolicy(schema, policy);
  return {
    table: name,
    stored: isStored,
    hidden: false as const,
    rights: [...policy.actions],
    rows: rows.map(({ predicate, because, problem }) => ({
      filter: predicate,
      because: ruleText(because),
      // Of a table that is not there yet not every column is known.
      ...(problem === undefined || !isStored ? {} : { problem }),
    })),
    minGroup: policy.minGroup ?? null,
    columns: columns.map(({ path, type, effect, because }) => ({
      name: path,
      type: typeName(type),
      served: effect,
      because: because === undefined ? null : ruleText(because),
    })),
    idle: idle.map(({ path, because }) => ({ name: path, because: ruleText(because) })),
  };
}

type Explained = ReturnType<typeof explain>;

function printCaller(caller: ReturnType<typeof callerOf>, channel: Channel): void {
  const { agent, zone, asOwner, refusedByZones } = caller;
  const past = asOwner ? ', passing policies and zones by' : '';
  channel.line(escapeLine(`${agent}, in ${zone === null ? 'an unknown zone' : zone}${past}`));
  if (refusedByZones !== null) {
    channel.line(escapeLine(`nothing is served: the token is for ${refusedByZones.join(', ')} alone`));
  }
}

function printTable(explained: Explained, channel: Channel): void {
  channel.line('');
  const line = (label: string, text: string): void =>
    channel.line(`  ${label.padEnd(LABEL)}${escapeLine(text)}`);
  channel.line(explained.table);
  if (explained.hidden) {
    line('hidden', explained.because);
    return;
  }
  if (!explained.stored) line('columns', 'those that the manifest names: the table is not in the store yet');
  line('rights', explained.rights.join(', '));
  for (const { filter, because, problem } of explained.rows) {
    line('rows', `${filter}  (${because})`);
    if (problem !== undefined) line('', `lets no row pass: ${problem.split('\n')[0] ?? ''}`);
  }
  if (explained.minGroup !== null)
    line('groups', `aggregates alone, over at least ${explained.minGroup} keys`);
  for (const { name, because } of explained.idle) line('no column', `${name}  (${because})`);
  const { lines } = textTable(
    [
      { title: 'column', align: 'left' },
      { title: 'type', align: 'left' },
      { title: 'served', align: 'left' },
      { title: 'because', align: 'left' },
    ],
    explained.columns.map(({ name, type, served, because }) => [
      escapeLine(name),
      escapeLine(type),
      SERVED[served],
      escapeLine(because ?? ''),
    ]),
    channel.isTerminal ? channel.columns : undefined,
  );
  channel.line('');
  for (const each of lines) channel.line(each);
}

const LABEL = 11;

const SERVED = {
  deny: 'no',
  redact: 'redacted',
  hash: 'hashed',
  tokenize: 'tokenized',
  mask: 'masked',
  scrub: 'scrubbed',
  clear: 'clear',
} as const;
