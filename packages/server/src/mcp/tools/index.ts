import type { Tool as ListedTool } from '@modelcontextprotocol/server';
import type { Caller } from '../../caller/caller.ts';
import { contextDescribe } from './context-describe.ts';
import { contextGet } from './context-get.ts';
import { contextQuery } from './context-query.ts';
import { contextTables } from './context-tables.ts';
import { memoryForget } from './memory-forget.ts';
import { memorySearch } from './memory-search.ts';
import { memoryWrite } from './memory-write.ts';
import { pipelineList } from './pipeline-list.ts';
import { pipelineRun } from './pipeline-run.ts';
import { sessionIncognito } from './session-incognito.ts';
import { tokenAttenuate } from './token-attenuate.ts';
import type { Tool } from './tool.ts';

/** In the order in which an agent needs them. */
export const TOOLS: readonly Tool[] = [
  contextTables,
  contextDescribe,
  contextQuery,
  contextGet,
  memoryWrite,
  memorySearch,
  memoryForget,
  pipelineList,
  pipelineRun,
  tokenAttenuate,
  sessionIncognito,
];

export function listedTools(caller: Caller): readonly ListedTool[] {
  return TOOLS.filter(({ isFor }) => isFor(caller)).map(({ listed }) => listed);
}
