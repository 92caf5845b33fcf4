import type { AuditKeys } from './audit-keys.ts';
import { CHAIN_START, type Chain, followChain } from './chain.ts';
import { CHECKPOINTS_NAME, dayFiles, loggedNodes } from './log-files.ts';
import { readLines } from './read-lines.ts';
import { type AuditReport, checkpointReader, type NodeReport, type VerifyOptions } from './verify-audit.ts';

/**
 * An export is lines of JSON: `{"hakiri_audit_export":1,...}`; of each node `{"node":...}`, its checkpoints, its
 * records as they stand in the log; `{"end":...}`. Records are copied byte for byte, so that the file proves what the
 * log proves.
 */
export interface ExportFacts {
  readonly project: string;
  readonly exportedAt: string;
  /** `ed25519/<hex>`, of the manifest. */
  readonly publicKeys: readonly string[];
}

/** Whole days: from the one in which `sinceMs` lies. All when undefined. */
export function* exportAudit(
  auditFolder: string,
  facts: ExportFacts,
  sinceMs: number | undefined,
): Generator<Uint8Array | string> {
  const { project, exportedAt, publicKeys } = facts;
  const since = sinceMs === undefined ? '' : new Date(sinceMs).toISOString().slice(0, 10);
  yield line({
    hakiri_audit_export: 1,
    project,
    exported_at: exportedAt,
    public_keys: publicKeys,
    since: since || null,
  });
  let total = 0;
  for (const node of loggedNodes(auditFolder)) {
    const folder = `${auditFolder}/${node}`;
    const files = dayFiles(folder);
    // A clock that was set back leaves later records in the file of a day before: it is never in an earlier one.
    const first = files.findLast((name) => name <= `${since}.jsonl`) ?? files[0];
    const taken = files.filter((name) => first === undefined || name >= first);
    yield line({ node, from_start: taken.length === files.length });
    // Before the records: those that come meanwhile are only more.
    for (const { bytes, isWhole } of readLines(`${folder}/${CHECKPOINTS_NAME}`))
      if (isWhole) yield withNewline(bytes);
    for (const name of taken) {
      for (const { bytes, isWhole } of readLines(`${folder}/${name}`)) {
        if (!isWhole) continue;
        total++;
        yield withNewline(bytes);
      }
    }
  }
  yield line({ end: total });
}

const line = (value: object): string => `${JSON.stringify(value)}\n`;
const withNewline = (bytes: Buffer): Uint8Array => Buffer.concat([bytes, NEWLINE]);
const NEWLINE = Buffer.from('\n');

/** Looks at an exported file, with nothing but it and, where they are known, the project's public keys. */
export function verifyExport(
  path: string,
  { keys, trusted }: VerifyOptions,
): AuditReport & { readonly publicKeys: readonly string[]; readonly isExport: boolean } {
  const file = path;
  const nodes: NodeReport[] = [];
  const findings: AuditReport['findings'][number][] = [];
  const notes: string[] = [];
  let publicKeys: readonly string[] = [];
  let number = 0;
  let lines = 0;
  let isExport = false;
  let end: number | undefined;
  let section: Section | undefined;
  const close = (): void => {
    if (section === undefined) return;
    const done = section.end();
    nodes.push(done.report);
    findings.push(...done.findings);
    notes.push(...done.notes);
    section = undefined;
  };
  for (const { bytes, isWhole } of readLines(path)) {
    number++;
    const text = bytes.length < 100_000 ? bytes.toString('utf8') : '';
    if (number === 1) {
      const head = parse(text);
      isExport = head?.hakiri_audit_export === 1;
      if (!isExport) break;
      publicKeys = Array.isArray(head?.public_keys) ? head.public_keys.map(String) : [];
      continue;
    }
    if (text.startsWith('{"node":')) {
      close();
      const head = parse(text);
      const isFromStart = head?.from_start === true;
      section = openSection(String(head?.node), isFromStart, { keys, trusted, file });
    } else if (text.startsWith('{"end":')) end = Number(parse(text)?.end);
    else if (text.startsWith('{"v":1,"node":')) section?.checkpoint(text, number);
    else {
      lines++;
      section?.record(bytes, isWhole, number);
    }
  }
  close();
  if (isExport && end !== lines) {
    const detail = end === undefined ? 'the export has no end' : `the export should have ${end} records`;
    findings.push({
      kind: 'cut',
      node: nodes.at(-1)?.node ?? '',
      file,
      line: number + 1,
      seq: undefined,
      detail,
    });
  }
  return { nodes, findings, notes, publicKeys, isExport };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

interface Section {
  checkpoint(text: string, number: number): void;
  record(bytes: Buffer, isWhole: boolean, number: number): void;
  end(): {
    readonly report: NodeReport;
    readonly findings: AuditReport['findings'];
    readonly notes: readonly string[];
  };
}

function openSection(
  node: string,
  isFromStart: boolean,
  {
    keys,
    trusted,
    file,
  }: { keys: AuditKeys | undefined; trusted: readonly string[] | undefined; file: string },
): Section {
  const checkpoints = checkpointReader(node, keys, trusted, file);
  let chain: Chain | undefined;
  const open = (): Chain => {
    chain ??= followChain({
      node,
      keys,
      expected: checkpoints.end(0).expected,
      start: isFromStart ? CHAIN_START : undefined,
    });
    return chain;
  };
  return {
    checkpoint: (text, number) => checkpoints.line(text, true, number),
    record: (bytes, isWhole, number) => open().line(bytes, isWhole, { file, line: number }),
    end() {
      const said = checkpoints.end(0);
      const { findings, tornBytes: _, ...facts } = open().end({ seq: said.lastSeq, file });
      const notes: string[] = [];
      if (said.report.signed === 0)
        notes.push(
          `${node}: no checkpoint is signed: without the project's key nobody can tell who wrote this`,
        );
      else if (said.report.signedTo < facts.lastSeq)
        notes.push(`${node}: signed up to record ${said.report.signedTo} of ${facts.lastSeq}`);
      return { report: { node, ...facts, ...said.report }, findings: [...findings, ...said.findings], notes };
    },
  };
}
