import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { memoryCatalog, openSqliteCatalog } from '../src/index.ts';
import { catalogConformance } from './support/catalog-conformance.ts';

const folder = await mkdtemp(join(tmpdir(), 'hakiri-catalog-'));
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;
catalogConformance('sqlite', async () => openSqliteCatalog(join(folder, `${count++}.sqlite`)));
catalogConformance('memory', async () => memoryCatalog());
