import {
  type AuditFinding,
  type AuditReport,
  type Caller,
  exportAudit,
  openAuditIndex,
  type Reader,
  type Readers,
  tailAudit,
  verifyAudit,
  verifyExport,
} from '@hakiri/access/audit';
import { HakiriError, type JsonValue, OWNER_GRANT } from '@hakiri/core';
import { requireOwner } from '../command-grant.ts';
import { makeFile } from '../export-file.ts';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatCount, plural } from '../format/units.ts';
import type { Output } from '../output.ts';
import type { ProjectAudit } from '../project-audit.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { escapeLine } from '../terminal/escape.ts';
import { withProject } from '../with-project.ts';

interface CommonFlags {
  readonly project?: string;
  readonly json: boolean;
}

export interface AuditTailFlags extends CommonFlags {
  readonly lines: number;
}

export interface WhoReadFlags extends CommonFlags {
  readonly table: string;
  readonly key: string;
  /** Milliseconds. */
  readonly since?: number;
}

export interface ByAgentFlags extends CommonFlags {
  readonly since?: number;
}

export interface AuditVerifyFlags extends CommonFlags {
  readonly file?: string;
  readonly publicKey?: readonly string[];
}

export interface AuditExportFlags extends CommonFlags {
  readonly to: string;
  readonly since?: number;
  readonly force: boolean;
}

export async function tail({ services, output }: Call, flags: AuditTailFlags): Promise<undefined> {
  requireOwner(services);
  const records = await withProject(services, flags.project, async ({ audit }) =>
    tailAudit(audit.folder, flags.lines),
  );
  if (flags.json) {
    output.out.line(jsonDocument({ records: records.map(({ node, record }) => ({ node, ...record })) }));
    return;
  }
  if (records.length === 0) return tellEmpty(output);
  printTable(
    output,
    ['at', 'agent', 'on behalf of', 'passed on to', 'via', 'action', 'outcome', 'rows', 'what'],
    records.map(({ record }) => [
      record.at,
      record.agent ?? '',
      record.on_behalf_of ?? '',
      delegatesText(record),
      record.via ?? '',
      record.as_owner ? `${record.action} (as owner)` : record.action,
      record.code ?? record.outcome ?? record.reason ?? '',
      record.rows === undefined ? '' : formatCount(record.rows),
      [...new Set([...(record.reads ?? []).map(({ table }) => table), record.target ?? ''])]
        .filter(Boolean)
        .join(' '),
    ]),
    [7],
  );
}

/** The key that is asked for appears in no output: only those who read it do. */
export async function whoRead({ services, output }: Call, flags: WhoReadFlags): Promise<undefined> {
  requireOwner(services);
  const found = await withProject(services, flags.project, async ({ audit }) => {
    const keys = await audit.keys();
    if (keys === undefined) return undefined;
    const digests = readings(flags.key).map((key) => keys.keyDigest(flags.table, key));
    return withIndex(audit, (index) =>
      index.whoRead({ table: flags.table, digests, ...sinceMs(flags.since) }),
    );
  });
  const none: Readers = { requests: 0, by: [], records: [], lost: 0 };
  const { returned, counted } = found ?? { returned: none, counted: none };
  if (flags.json) {
    output.out.line(jsonDocument({ table: flags.table, returned, counted }));
    return;
  }
  printReaders(output, 'Was given the row', 'Nobody was given the row.', returned.by);
  output.out.line('');
  printReaders(
    output,
    'Asked for aggregates, searches or exports that it may have been counted in',
    'Nobody asked for anything else that it may have been counted in.',
    counted.by,
  );
  const lost = returned.lost + counted.lost;
  if (lost > 0)
    output.err.line(
      `${plural(lost, 'record')} of the index cannot be read in the log: see \`hakiri audit verify\`.`,
    );
}

export async function byAgent({ services, output }: Call, flags: ByAgentFlags): Promise<undefined> {
  requireOwner(services);
  const agents = await withProject(services, flags.project, async ({ audit }) =>
    withIndex(audit, (index) => index.byAgent(sinceMs(flags.since).sinceMs ?? 0)),
  );
  if (flags.json) {
    output.out.line(jsonDocument({ agents }));
    return;
  }
  if (agents.length === 0) return tellEmpty(output);
  printTable(
    output,
    ['agent', 'host', 'on behalf of', 'passed on to', 'requests', 'refused', 'failed', 'rows', 'last'],
    agents.map((agent) => [
      ...callerCells(agent),
      formatCount(agent.requests),
      formatCount(agent.refused),
      formatCount(agent.failed),
      formatCount(agent.rows),
      agent.lastAt,
    ]),
    [4, 5, 6, 7],
  );
}

/** @throws HakiriError audit.broken */
export async function verify({ services, output }: Call, flags: AuditVerifyFlags): Promise<undefined> {
  const { file, publicKey: trusted } = flags;
  const report =
    file === undefined
      ? await withProject(services, flags.project, async ({ audit }) =>
          verifyAudit(audit.folder, { keys: await audit.keys(), trusted }),
        )
      : verifyFile(file, trusted);
  const { findings } = report;
  if (flags.json) output.out.line(jsonDocument({ ok: findings.length === 0, ...report }));
  else printReport(output, report, trusted === undefined && file !== undefined);
  const [first] = findings;
  if (first === undefined) return;
  throw new HakiriError('audit.broken', `The audit log is not as it was written: ${findingText(first)}`, {
    details: { findings: findings.length, file: first.file, line: first.line, kind: first.kind },
  });
}

function verifyFile(path: string, trusted: readonly string[] | undefined): AuditReport {
  const { isExport, publicKeys: _, ...report } = verifyExport(path, { keys: undefined, trusted });
  if (isExport) return report;
  throw new HakiriError('usage.argument', `${path} is not a file of \`hakiri audit export\``);
}

/** The export is a record itself, and the checkpoint after it vouches for all of it. */
export async function exportLog({ services, output }: Call, flags: AuditExportFlags): Promise<undefined> {
  requireOwner(services);
  await withProject(services, flags.project, async ({ audit, manifest: { project } }) => {
    await audit.log.record({
      action: 'export',
      grant: OWNER_GRANT,
      outcome: 'granted',
      rows: 0,
      reads: [],
      target: 'audit',
    });
    await audit.log.checkpoint();
    const facts = {
      project: project.name,
      exportedAt: new Date(systemClock.nowMs()).toISOString(),
      publicKeys: project.publicKeys,
    };
    const { open } = await import('node:fs/promises');
    const lines = await makeFile(flags.to, { replace: flags.force, onTemporary: () => {} }, async (path) => {
      const file = await open(path, 'w', 0o600);
      let written = 0;
      try {
        for (const line of exportAudit(audit.folder, facts, sinceMs(flags.since).sinceMs)) {
          await file.write(Buffer.from(line as string));
          written++;
        }
      } finally {
        await file.close();
      }
      return written;
    });
    if (flags.json) output.out.line(jsonDocument({ file: flags.to, lines }));
    else
      output.err.line(
        `${flags.to}: ${plural(lines, 'line')}; \`hakiri audit verify --file ${flags.to}\` checks it`,
      );
  });
}

/** As JSON, and as the text it is: a key of several columns is a JSON array of their values. */
function readings(text: string): readonly (readonly JsonValue[])[] {
  let value: JsonValue | undefined;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return [[text]];
  }
  if (Array.isArray(value)) return [value, [text]];
  return typeof value === 'object' ? [[text]] : [[value], [text]];
}

const sinceMs = (ms: number | undefined): { readonly sinceMs?: number } =>
  ms === undefined ? {} : { sinceMs: systemClock.nowMs() - ms };

function withIndex<T>(
  { indexFile, folder }: ProjectAudit,
  use: (index: ReturnType<typeof openAuditIndex>) => T,
): T {
  const index = openAuditIndex(indexFile, folder);
  try {
    index.catchUp();
    return use(index);
  } finally {
    index.close();
  }
}

function tellEmpty({ err }: Output): undefined {
  err.line('There is no audit record yet.');
}

function printReaders(output: Output, title: string, nobody: string, by: readonly Reader[]): void {
  if (by.length === 0) {
    output.out.line(nobody);
    return;
  }
  output.out.line(title);
  printTable(
    output,
    ['agent', 'host', 'on behalf of', 'passed on to', 'requests', 'first', 'last'],
    by.map((reader) => [...callerCells(reader), formatCount(reader.requests), reader.firstAt, reader.lastAt]),
    [4],
  );
}

const callerCells = (caller: Caller): readonly string[] => [
  caller.agent ?? '(nobody let in)',
  caller.host ?? '',
  caller.on_behalf_of ?? '',
  delegatesText(caller),
];

const delegatesText = ({ delegates = [] }: Caller): string =>
  delegates.map(({ agent, task }) => (task === undefined ? agent : `${agent} (${task})`)).join(' > ');

function printTable(
  { out }: Output,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[],
): void {
  const { lines } = textTable(
    titles.map((title, i) => ({ title, align: numbers.includes(i) ? 'right' : 'left' })),
    rows.map((row) => row.map(escapeLine)),
    out.isTerminal ? out.columns : undefined,
  );
  for (const line of lines) out.line(line);
}

const findingText = ({ kind, file, line, detail }: AuditFinding): string =>
  `${file}:${line}: ${kind}: ${detail}`;

/** More are not of use to anybody: the first says where to look. */
const MOST_FINDINGS = 20;

function printReport(
  output: Output,
  { nodes, findings, notes }: AuditReport,
  isUnknownSigner: boolean,
): void {
  for (const { node, records, firstSeq, lastSeq, checkpoints, signedTo, signers } of nodes) {
    const signed = signedTo > 0 ? `, signed up to record ${signedTo}` : '';
    const range = records === 0 ? '' : ` (${firstSeq} to ${lastSeq})`;
    output.out.line(
      `${node}: ${plural(records, 'record')}${range}, ${plural(checkpoints, 'checkpoint')}${signed}`,
    );
    if (isUnknownSigner)
      for (const key of signers) output.out.line(`  signed with ${key}: compare it with the project's`);
  }
  if (nodes.length === 0) output.err.line('There is no audit record yet.');
  for (const note of notes) output.err.line(note);
  for (const finding of findings.slice(0, MOST_FINDINGS))
    output.out.line(escapeLine(`${finding.node}: ${findingText(finding)}`));
  if (findings.length > MOST_FINDINGS) output.out.line(`and ${findings.length - MOST_FINDINGS} more`);
}
