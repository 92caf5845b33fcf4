import type { Tool as ListedTool } from '@modelcontextprotocol/server';
import { contextDescribe } from './context-describe.ts';
import { contextGet } from './context-get.ts';
import { contextQuery } from './context-query.ts';
import { contextTables } from './context-tables.ts';
import { memoryForget } from './memory-forget.ts';
import { memorySearch } from './memory-search.ts';
import { memoryWrite } from './memory-write.ts';
import { pipelineList } from './pipeline-list.ts';
import { pipelineRun } from './pipeline-run.ts';
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
];

export function listedTools(): readonly ListedTool[] {
  return TOOLS.map(({ listed }) => listed);
}
