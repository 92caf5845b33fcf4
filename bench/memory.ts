import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Memory, OWNER_GRANT } from '@hakiri/core';
import { FULL_PROFILE } from '../packages/cli/src/full/full-profile.ts';
import { memoryOf } from '../packages/cli/src/full/memory.ts';
import { openProject } from '../packages/cli/src/open-project.ts';
import { createScrubber } from '../packages/cli/src/scrub.ts';
import { median } from './support/measure.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';
import { zipfTexts } from './support/zipf-text.ts';

const IN_FLIGHT = 32;

/** Items written one by one, and the time from asking to write one until a search has found it. */
export async function memory(scale: Scale): Promise<readonly Bar[]> {
  const items = scale === 'full' ? 10_000 : 2_000;
  const probes = scale === 'full' ? 200 : 50;
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  writeFileSync(join(folder, 'hakiri.toml'), '[project]\nname = "bench"\n');
  const staying = { command: 'bench', keepWriterMs: 2000, keepChildrenMs: 60_000, onNote: () => {} };
  const project = await openProject(folder, { env: {}, scrubber: createScrubber(), staying }, FULL_PROFILE);
  try {
    const memory = memoryOf(project);
    const started = performance.now();
    await writeAll(memory, items);
    const msAWrite = (performance.now() - started) / items;
    const found: number[] = [];
    for (let i = 0; i < probes; i++) found.push(await writtenToFoundMs(memory, i));
    // The first search opens everything.
    const warm = found.slice(1).sort((a, b) => a - b);
    const p99 = warm[Math.floor(warm.length * 0.99)] ?? Number.NaN;
    return [
      limitBar(
        'memory',
        `ms an item, ${items} items written one by one, ${IN_FLIGHT} in flight`,
        msAWrite,
        1,
      ),
      limitBar('memory', `ms from writing to found, beside ${items} items, p50`, median(warm), 50),
      limitBar('memory', `ms from writing to found, beside ${items} items, p99`, p99, 50),
    ];
  } finally {
    await project.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeAll(memory: Memory, items: number): Promise<void> {
  const texts = zipfTexts(1);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items) {
      const i = next++;
      await memory.write(
        { items: [{ text: texts.text().slice(0, 200), subject: `s${i % 100}` }] },
        OWNER_GRANT,
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function writtenToFoundMs(memory: Memory, i: number): Promise<number> {
  const word = `probe${i}word`;
  const started = performance.now();
  const { ids } = await memory.write({ items: [{ text: `remember ${word}` }] }, OWNER_GRANT);
  const { items } = await memory.search({ text: word, k: 1 }, OWNER_GRANT);
  if (items[0]?.id !== ids[0]) throw new Error('an item that was written is not found');
  return performance.now() - started;
}
