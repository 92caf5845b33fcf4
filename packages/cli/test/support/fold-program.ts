/** Folds the small writes of a store: `node fold-program.ts ROOT PROJECT TABLE`. */
import type { NodeId } from '@hakiri/core';
import { nodeFiles, openWritableStore } from '@hakiri/store';
import { testEngine } from '../../../store/test/support/engine.ts';
import { target } from '../../../store/test/support/test-store.ts';
import { systemClock } from '../../src/system-clock.ts';

const [root = '', project = '', node = '', table = ''] = process.argv.slice(2);
const engine = testEngine();
const options = { root, project, node: node as NodeId, files: nodeFiles, clock: systemClock, engine };
const store = await openWritableStore(options, { command: 'fold', waitMs: 0 });
// Opening a table for a run folds what small writes hold.
await store.openTable(
  target({ table: table as never, sourceTable: table, incremental: 'version', pipeline: 'p' as never }),
);
await store.close();
await engine.close();
