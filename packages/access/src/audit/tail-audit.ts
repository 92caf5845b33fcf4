import { dayFiles, loggedNodes } from './log-files.ts';
import { readLines } from './read-lines.ts';
import type { AuditRecord } from './record-members.ts';

/** The newest records of all nodes, oldest first. Lines that are none are left out: `verifyAudit` tells of them. */
export function tailAudit(
  auditFolder: string,
  count: number,
): readonly { readonly node: string; readonly record: AuditRecord }[] {
  const found = loggedNodes(auditFolder).flatMap((node) => {
    const folder = `${auditFolder}/${node}`;
    let records: AuditRecord[] = [];
    for (const name of [...dayFiles(folder)].reverse()) {
      records = [...lastRecords(`${folder}/${name}`, count - records.length), ...records];
      if (records.length >= count) break;
    }
    return records.map((record) => ({ node, record }));
  });
  return found
    .sort((a, b) => (a.record.at < b.record.at ? -1 : a.record.at > b.record.at ? 1 : 0))
    .slice(-count);
}

function lastRecords(path: string, count: number): readonly AuditRecord[] {
  const texts: string[] = [];
  for (const { bytes, isWhole } of readLines(path)) {
    if (!isWhole) continue;
    texts.push(bytes.toString('utf8'));
    if (texts.length > count * 2 + 100) texts.splice(0, texts.length - count);
  }
  return texts.slice(-count).flatMap((text) => {
    try {
      return [JSON.parse(text) as AuditRecord];
    } catch {
      return [];
    }
  });
}
