import { readFileSync } from 'node:fs';
import type { Sample } from './registry.ts';

const PAGE_BYTES = 4096;

/** Resident bytes of this process and of its children together; children only where the system tells (Linux). */
export function residentBytes(children: readonly number[]): readonly Sample[] {
  const known = children.flatMap((pid) => residentOf(pid) ?? []);
  return [
    { labels: { process: 'main' }, value: process.memoryUsage.rss() },
    { labels: { process: 'children' }, value: known.reduce((sum, bytes) => sum + bytes, 0) },
  ];
}

/** https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html */
function residentOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return undefined;
  }
}
