/** The engine's child, as the command line starts it. */
import { runEngineChild } from '@hakiri/engine/child';

await runEngineChild();
