import {
  type CallToolResult,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { ServerServices } from '../services.ts';
import { errorResult, type Failure, failureOf } from './failure.ts';
import { INSTRUCTIONS } from './instructions.ts';
import { progressReporter } from './progress.ts';
import { completeAddress, listResources, readResource, resourceTemplates } from './resources.ts';
import { listedTools, TOOLS } from './tools/index.ts';
import { answerResult } from './tools/tool.ts';

/** What the protocol asks of Hakiri, the same over every transport and in every era of the protocol. */
export interface McpHandlers {
  /** Makes a server for one connection, one session or one request, as the transport wants it. */
  readonly createServer: McpServerFactory;
  /** Told about faults that no answer carries. */
  readonly onError: (error: Error) => void;
}

export interface McpOptions {
  /** Called at the end of each call of a tool, for metrics and logs. */
  readonly onToolCall?: (call: ToolCall) => void;
  /** Called with faults that no answer carries: an internal error whose details stay here, a line that was refused. */
  readonly onError?: (error: Error) => void;
}

export interface ToolCall {
  readonly tool: string;
  readonly outcome: 'done' | 'failed' | 'cancelled';
  /** Of the error, when it failed. */
  readonly code: string | undefined;
  readonly elapsedMs: number;
}

/** Lists do not change while a server runs: clients may keep them this long. */
const LISTS_TTL_MS = 5 * 60_000;

export function createMcp(services: ServerServices, options: McpOptions = {}): McpHandlers {
  const tools = listedTools();
  const byName = new Map(
    TOOLS.flatMap((tool) => [[tool.name, tool] as const, [tool.name.replace('_', '.'), tool] as const]),
  );
  const onError = options.onError ?? (() => {});

  const callTool = async (
    params: { readonly name: string; readonly arguments?: unknown },
    context: ServerContext,
  ): Promise<CallToolResult> => {
    const tool = byName.get(params.name);
    if (tool === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name.slice(0, 128)}`);
    }
    const { signal } = context.mcpReq;
    const startedMs = services.clock.monotonicMs();
    const ended = (outcome: ToolCall['outcome'], code?: string): void =>
      options.onToolCall?.({
        tool: tool.name,
        outcome,
        code,
        elapsedMs: services.clock.monotonicMs() - startedMs,
      });
    try {
      const answer = await tool.run(params.arguments ?? {}, {
        services,
        signal,
        progress: progressReporter(context, services.clock, onError),
      });
      ended('done');
      return answerResult(answer);
    } catch (error) {
      const failure: Failure = failureOf(error, onError);
      ended(signal.aborted ? 'cancelled' : 'failed', failure.code);
      return errorResult(failure);
    }
  };

  return {
    onError,
    createServer: () => {
      const server = new Server(
        { name: 'hakiri', title: 'Hakiri', version: services.version },
        {
          capabilities: { tools: {}, resources: {}, completions: {} },
          instructions: INSTRUCTIONS,
          jsonSchemaValidator: NO_ELICITATION,
          cacheHints: {
            'tools/list': { ttlMs: LISTS_TTL_MS, cacheScope: 'public' },
            'resources/templates/list': { ttlMs: LISTS_TTL_MS, cacheScope: 'public' },
            'server/discover': { ttlMs: LISTS_TTL_MS, cacheScope: 'public' },
          },
        },
      );
      server.onerror = onError;
      server.setRequestHandler('tools/list', { params: LIST_PARAMS }, ({ cursor }) => {
        requireFirstPage(cursor);
        return { tools };
      });
      server.setRequestHandler('tools/call', ({ params }, context) => callTool(params, context));
      server.setRequestHandler('resources/list', { params: LIST_PARAMS }, ({ cursor }) =>
        listResources(services, cursor),
      );
      server.setRequestHandler('resources/templates/list', { params: LIST_PARAMS }, ({ cursor }) => {
        requireFirstPage(cursor);
        return { resourceTemplates: resourceTemplates(services.project) };
      });
      server.setRequestHandler('resources/read', { params: READ_PARAMS }, ({ uri }) =>
        readResource(services, uri, onError),
      );
      server.setRequestHandler('completion/complete', { params: COMPLETE_PARAMS }, ({ argument }) =>
        completeAddress(services, argument),
      );
      return server;
    },
  };
}

/** With schemas of our own the SDK answers that params are invalid; with its own, that it failed. */
const LIST_PARAMS = z.looseObject({ cursor: z.string().optional() });
const READ_PARAMS = z.looseObject({ uri: z.string() });
const COMPLETE_PARAMS = z.looseObject({
  ref: z.looseObject({ type: z.string() }),
  argument: z.looseObject({ name: z.string(), value: z.string() }),
});

/** Everything is on the first page, so that no cursor was ever given out. */
function requireFirstPage(cursor: string | undefined): void {
  if (cursor !== undefined) {
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The cursor is none that this server gave out.');
  }
}

/** Hakiri never asks the user anything through the client; making a validator for each server costs. */
const NO_ELICITATION = {
  getValidator: () => {
    throw new Error('nothing is ever elicited');
  },
};
