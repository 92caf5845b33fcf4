import {
  type CallToolResult,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../caller/caller.ts';
import type { Door } from '../caller/doors.ts';
import { traceparentOf } from '../caller/traceparent.ts';
import type { ServerServices } from '../services.ts';
import { NO_TRACES, type Tracer } from '../trace/tracer.ts';
import { errorResult, type Failure, failureOf, protocolErrorOf } from './failure.ts';
import { INSTRUCTIONS } from './instructions.ts';
import { progressReporter } from './progress.ts';
import { completeAddress, listResources, readResource, resourceTemplates } from './resources.ts';
import { listedTools, TOOLS } from './tools/index.ts';
import { answerResult } from './tools/tool.ts';

/** What the protocol asks of Hakiri, the same over every transport and in every era of the protocol. */
export interface McpHandlers {
  /**
   * Makes servers for one connection, one session or one request, as the transport wants it. Each request asks the
   * entrance whose it is.
   */
  serverFor(entrance: Entrance): McpServerFactory;
  /** Told about faults that no answer carries. */
  readonly onError: (error: Error) => void;
}

/** Says who made a request. @throws HakiriError token.* */
export type Entrance = (context: ServerContext) => Promise<Caller>;

/** Of a connection that has one door. */
export const throughDoor =
  (door: Door): Entrance =>
  () =>
    door();

export interface McpOptions {
  /** Where calls of tools are traced; nowhere when undefined. */
  readonly tracer?: Tracer;
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

/** Lists do not change for one caller while a server runs: its client may keep them this long, for it alone. */
const LISTS = { ttlMs: 5 * 60_000, cacheScope: 'private' } as const;

export function createMcp(services: ServerServices, options: McpOptions = {}): McpHandlers {
  const tracer = options.tracer ?? NO_TRACES;
  const byName = new Map(
    TOOLS.flatMap((tool) => [[tool.name, tool] as const, [tool.name.replace('_', '.'), tool] as const]),
  );
  const onError = options.onError ?? (() => {});

  const enter = async (entrance: Entrance, context: ServerContext): Promise<Caller> => {
    const caller = await entrance(context);
    const traceparent = traceparentOf(context);
    return traceparent === undefined ? caller : { ...caller, grant: { ...caller.grant, traceparent } };
  };
  /** For requests whose failures are errors of the protocol. */
  const entered = async <T>(
    entrance: Entrance,
    context: ServerContext,
    work: (caller: Caller) => Promise<T> | T,
  ): Promise<T> => {
    try {
      return await work(await enter(entrance, context));
    } catch (error) {
      throw protocolErrorOf(error, onError);
    }
  };

  const callTool = async (
    params: { readonly name: string; readonly arguments?: unknown },
    context: ServerContext,
    entrance: Entrance,
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
      const caller = await enter(entrance, context);
      const { grant } = caller;
      const progress = progressReporter(context, services.clock, onError);
      const answer = await tracer.span(
        `tool ${tool.name}`,
        { 'hakiri.agent': grant.principal.agent },
        () => tool.run(params.arguments ?? {}, { services, caller, grant, signal, progress }),
        grant.traceparent,
      );
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
    serverFor: (entrance) => () => {
      const server = new Server(
        { name: 'hakiri', title: 'Hakiri', version: services.version },
        {
          capabilities: { tools: {}, resources: {}, completions: {} },
          instructions: INSTRUCTIONS,
          jsonSchemaValidator: NO_ELICITATION,
          cacheHints: {
            'tools/list': LISTS,
            'resources/templates/list': LISTS,
            'server/discover': LISTS,
          },
        },
      );
      server.onerror = onError;
      server.setRequestHandler('tools/list', { params: LIST_PARAMS }, ({ cursor }, context) => {
        requireFirstPage(cursor);
        return entered(entrance, context, (caller) => ({ tools: listedTools(caller) }));
      });
      server.setRequestHandler('tools/call', ({ params }, context) => callTool(params, context, entrance));
      server.setRequestHandler('resources/list', { params: LIST_PARAMS }, ({ cursor }, context) =>
        entered(entrance, context, ({ grant }) => listResources(services, grant, cursor)),
      );
      server.setRequestHandler('resources/templates/list', { params: LIST_PARAMS }, ({ cursor }, context) => {
        requireFirstPage(cursor);
        return entered(entrance, context, () => ({
          resourceTemplates: resourceTemplates(services.project),
        }));
      });
      server.setRequestHandler('resources/read', { params: READ_PARAMS }, ({ uri }, context) =>
        entered(entrance, context, ({ grant }) => readResource(services, grant, uri)),
      );
      server.setRequestHandler('completion/complete', { params: COMPLETE_PARAMS }, ({ argument }, context) =>
        entered(entrance, context, ({ grant }) => completeAddress(services, grant, argument)),
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
