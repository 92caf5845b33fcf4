import { readFileSync } from 'node:fs';
import type { AuditKeys } from './audit-keys.ts';
import { type AuditFinding, CHAIN_START, type Expectation, followChain } from './chain.ts';
import { openCheckpoint } from './checkpoint.ts';
import { parseHead } from './head.ts';
import { CHECKPOINTS_NAME, dayFiles, HEAD_NAME, loggedNodes } from './log-files.ts';
import { readLines } from './read-lines.ts';

export interface VerifyOptions {
  /** Without them lines are checked against each other and against signatures only. */
  readonly keys: AuditKeys | undefined;
  /** `ed25519/<hex>`; signatures by other keys are findings. Any key where undefined. */
  readonly trusted?: readonly string[] | undefined;
}

export interface AuditReport {
  readonly nodes: readonly NodeReport[];
  readonly findings: readonly AuditFinding[];
  /** Nothing is wrong with it, and one should know. */
  readonly notes: readonly string[];
}

export interface NodeReport {
  readonly node: string;
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastAt: string | undefined;
  readonly checkpoints: number;
  readonly signed: number;
  /** Up to here signatures vouch for the log, whoever has the seal's key. */
  readonly signedTo: number;
  /** `ed25519/<hex>` */
  readonly signers: readonly string[];
}

/** Looks at every line of every node's log. Whoever writes meanwhile does not disturb it. */
export function verifyAudit(auditFolder: string, options: VerifyOptions): AuditReport {
  const found = loggedNodes(auditFolder).map((node) => verifyNode(`${auditFolder}/${node}`, node, options));
  return {
    nodes: found.map(({ report }) => report),
    findings: found.flatMap(({ findings }) => findings),
    notes: found.flatMap(({ notes }) => notes),
  };
}

interface Verified {
  readonly report: NodeReport;
  readonly findings: readonly AuditFinding[];
  readonly notes: readonly string[];
}

function verifyNode(folder: string, node: string, { keys, trusted }: VerifyOptions): Verified {
  // Before the log: what is written meanwhile is only in the log.
  const raw = readHead(`${folder}/${HEAD_NAME}`);
  const head = raw === undefined ? undefined : parseHead(raw, node, keys);
  const checkpoints = checkpointReader(node, keys, trusted);
  for (const { bytes, isWhole } of readLines(`${folder}/${CHECKPOINTS_NAME}`))
    checkpoints.line(bytes.toString('utf8'), isWhole);
  const said = checkpoints.end(head?.checkpoint ?? 0);
  const ofHead: readonly Expectation[] =
    head === undefined || head.seq === 0
      ? []
      : [{ kind: 'head', seq: head.seq, hash: head.hash, file: HEAD_NAME, line: 1 }];
  const chain = followChain({ node, keys, expected: [...ofHead, ...said.expected], start: CHAIN_START });
  for (const file of dayFiles(folder)) {
    let line = 0;
    for (const { bytes, isWhole } of readLines(`${folder}/${file}`))
      chain.line(bytes, isWhole, { file, line: ++line });
  }
  const { findings, tornBytes, ...facts } = chain.end({
    seq: Math.max(head?.seq ?? 0, said.lastSeq),
    file: head?.file ?? '',
  });
  const isUsed = facts.records > 0 || said.report.checkpoints > 0;
  const ofTheHead: readonly AuditFinding[] =
    head !== undefined || !isUsed
      ? []
      : [{ kind: 'head', node, file: HEAD_NAME, line: 1, seq: undefined, detail: headDetail(raw) }];
  const torn = `${node}: ${tornBytes} bytes behind the last record are no line: a process died, and nobody was answered`;
  return {
    report: { node, ...facts, ...said.report },
    findings: [...findings, ...ofTheHead, ...said.findings],
    notes: tornBytes > 0 ? [torn] : [],
  };
}

const headDetail = (raw: string | undefined): string =>
  raw === undefined || raw === ''
    ? 'the head is gone: records cut off since the last checkpoint would not be missed'
    : 'the head is not one that this log wrote';

function readHead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Checkpoints in their order, each telling of the one before. */
export function checkpointReader(
  node: string,
  keys: AuditKeys | undefined,
  trusted: readonly string[] | undefined,
  file: string = CHECKPOINTS_NAME,
) {
  const findings: AuditFinding[] = [];
  const expected: Expectation[] = [];
  let count = 0;
  let signed = 0;
  const signers = new Set<string>();
  let signedTo = 0;
  let lastSeq = 0;
  let at = 0;
  let isTorn = false;
  const find = (line: number, seq: number | undefined, detail: string): void => {
    findings.push({ kind: 'checkpoint', node, file, line, seq, detail });
  };
  return {
    /** `number` is the line's own, where the file holds other things, too. */
    line(text: string, isWhole: boolean, number = at + 1): void {
      at = number;
      const found = isWhole ? openCheckpoint(text, keys, trusted) : undefined;
      if (found === undefined || found.node !== node) {
        isTorn = !isWhole;
        if (isWhole) find(at, undefined, 'no checkpoint of this log, or one that nobody signed who may');
        return;
      }
      if (found.after !== lastSeq && (count > 0 || file === CHECKPOINTS_NAME))
        find(at, found.seq, `the checkpoint before this one should be of record ${found.after}`);
      count++;
      lastSeq = Math.max(lastSeq, found.seq);
      if (found.publicKey !== undefined) {
        signed++;
        signers.add(found.publicKey);
        signedTo = Math.max(signedTo, found.seq);
      }
      expected.push({ kind: 'checkpoint', seq: found.seq, hash: found.hash, file, line: at });
    },
    /** `known` is the last one of which the head tells. */
    end(known: number) {
      if (known > lastSeq)
        find(isTorn ? at : at + 1, known, `the checkpoints end here; there was one of record ${known}`);
      return {
        findings,
        expected,
        lastSeq,
        report: { checkpoints: count, signed, signedTo, signers: [...signers] },
      };
    },
  };
}
