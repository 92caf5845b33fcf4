import { runEngineChild } from '../../src/child/main.ts';

await runEngineChild();
