export {
  type Activity,
  type AuditIndex,
  type Caller,
  type FoundRecord,
  openAuditIndex,
  type Reader,
  type Readers,
  type WhoRead,
  type WhoReadQuestion,
} from './audit-index.ts';
export { type AuditKeys, auditKeys } from './audit-keys.ts';
export type { AuditFinding, FindingKind } from './chain.ts';
export { type AuditSigner, type Checkpoint, openCheckpoint } from './checkpoint.ts';
export { type ExportFacts, exportAudit, verifyExport } from './export-audit.ts';
export { loggedNodes } from './log-files.ts';
export { type AuditLog, type AuditOptions, openAudit } from './open-audit.ts';
export type { AuditRecord, RecordedRead } from './record-members.ts';
export { auditSigner } from './signer.ts';
export { tailAudit } from './tail-audit.ts';
export { type AuditReport, type NodeReport, type VerifyOptions, verifyAudit } from './verify-audit.ts';
