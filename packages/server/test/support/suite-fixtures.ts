import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ContentBlock,
  completable,
  createRequestStateCodec,
  type ElicitRequestFormParams,
  fromJsonSchema,
  type InputRequest,
  inputRequired,
  inputResponse,
  type JsonSchemaType,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { McpHandlers } from '../../src/index.ts';

/**
 * The conformance suite wants tools, prompts and resources of its own, as the descriptions of its scenarios say. Here
 * they are, so that what carries them, which is ours, is tried with everything that the protocol has.
 */
export function suiteFixtures(): McpHandlers {
  return { serverFor: () => createServer, onError: () => {} };
}

// One red pixel, and a WAV file of no samples.
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
const text = (words: string): { type: 'text'; text: string } => ({ type: 'text', text: words });
const said = (...content: ContentBlock[]): CallToolResult => ({ content });

const states = createRequestStateCodec<{ readonly step: number }>({ key: randomBytes(32) });

function createServer(): McpServer {
  const server = new McpServer(
    { name: 'suite-fixtures', version: '1' },
    {
      capabilities: {
        tools: {},
        prompts: {},
        resources: { subscribe: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: states.verify },
    },
  );
  addContentTools(server);
  addSchemaTools(server);
  addReportingTools(server);
  addPushTools(server);
  addRoundTripTools(server);
  addResources(server);
  addPrompts(server);
  return server;
}

function addContentTools(server: McpServer): void {
  const tool = (name: string, ...content: ContentBlock[]): void => {
    server.registerTool(name, { description: 'A fixture.' }, async () => said(...content));
  };
  tool('test_simple_text', text('This is a simple text response for testing.'));
  tool('test_image_content', image);
  tool('test_audio_content', { type: 'audio', data: WAV, mimeType: 'audio/wav' });
  tool('test_embedded_resource', {
    type: 'resource',
    resource: {
      uri: 'test://embedded-resource',
      mimeType: 'text/plain',
      text: 'This is an embedded resource content.',
    },
  });
  tool('test_multiple_content_types', text('Multiple content types test:'), image, {
    type: 'resource',
    resource: {
      uri: 'test://mixed-content-resource',
      mimeType: 'application/json',
      text: '{"test":"data","value":123}',
    },
  });
}

/** Lists a schema with what JSON Schema 2020-12 has, and one whose argument is a header, too. */
function addSchemaTools(server: McpServer): void {
  const schemas = {
    json_schema_2020_12_tool: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    test_header: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
      required: ['region'],
    },
  } as const;
  for (const [name, schema] of Object.entries(schemas)) {
    const inputSchema = fromJsonSchema<Record<string, unknown>>(schema as JsonSchemaType);
    server.registerTool(name, { description: 'A fixture.', inputSchema }, async () => said(text('Done.')));
  }
}

function addReportingTools(server: McpServer): void {
  server.registerTool('test_error_handling', { description: 'Fails.' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  for (const name of ['test_tool_with_logging', 'test_logging_tool']) {
    server.registerTool(name, { description: 'Logs.' }, async ({ mcpReq }) => {
      await mcpReq.log('info', 'Tool execution started');
      await sleep(50);
      await mcpReq.log('info', 'Tool processing data');
      await sleep(50);
      await mcpReq.log('info', 'Tool execution completed');
      return said(text('Done.'));
    });
  }
  server.registerTool('test_tool_with_progress', { description: 'Reports.' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        const params = { progressToken, progress, total: 100 };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      await sleep(50);
    }
    return said(text('Done.'));
  });
}

const objectSchema = (
  properties: ElicitRequestFormParams['requestedSchema']['properties'],
  required: string[] = [],
): ElicitRequestFormParams['requestedSchema'] => ({ type: 'object', properties, required });

const OPTIONS = ['option1', 'option2', 'option3'];
const TITLED = [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Option ${n}` }));

/** Of the older era: a call asks the client back while it runs. */
function addPushTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Samples.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const { content } = await mcpReq.requestSampling({
        messages: [{ role: 'user', content: text(prompt) }],
        maxTokens: 100,
      });
      return said(text(`LLM response: ${JSON.stringify(content)}`));
    },
  );
  const elicits = (
    name: string,
    message: string,
    schema: ElicitRequestFormParams['requestedSchema'],
  ): void => {
    server.registerTool(name, { description: 'Elicits.' }, async ({ mcpReq }) => {
      const { action, content } = await mcpReq.elicitInput({ message, requestedSchema: schema });
      return said(text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`));
    });
  };
  server.registerTool(
    'test_elicitation',
    { description: 'Elicits.', inputSchema: z.object({ message: z.string() }) },
    async ({ message }, { mcpReq }) => {
      const { action, content } = await mcpReq.elicitInput({
        message,
        requestedSchema: objectSchema({ username: { type: 'string' }, email: { type: 'string' } }, [
          'username',
          'email',
        ]),
      });
      return said(text(`User response: action: ${action}, content: ${JSON.stringify(content)}`));
    },
  );
  elicits(
    'test_elicitation_sep1034_defaults',
    'Accept the defaults',
    objectSchema({
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    }),
  );
  elicits(
    'test_elicitation_sep1330_enums',
    'Choose',
    objectSchema({
      untitledSingle: { type: 'string', enum: OPTIONS },
      titledSingle: { type: 'string', oneOf: TITLED },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
      titledMulti: { type: 'array', items: { anyOf: TITLED } },
    }),
  );
}

const ask = (message: string, field: string, type: 'string' | 'boolean' = 'string'): InputRequest =>
  inputRequired.elicit({
    message,
    requestedSchema: objectSchema({ [field]: type === 'string' ? { type } : { type } }, [field]),
  });
const sample = (prompt: string, maxTokens: number): InputRequest =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(prompt) }], maxTokens });

/** Of the new era: a call is answered with what it still needs, and made again. */
function addRoundTripTools(server: McpServer): void {
  const tool = (
    name: string,
    run: (context: ServerContext) => ReturnType<typeof said | typeof inputRequired>,
  ) => {
    server.registerTool(name, { description: 'Asks in rounds.' }, async (context) => run(context));
  };
  const mint = (step: number): Promise<string> => states.mint({ step });

  for (const name of ['test_input_required_result_elicitation', 'test_streaming_elicitation']) {
    tool(name, ({ mcpReq }) => {
      const name = acceptedContent(mcpReq.inputResponses, 'user_name', z.object({ name: z.string() }))?.name;
      if (name !== undefined) return said(text(`Hello, ${name}!`));
      return inputRequired({ inputRequests: { user_name: ask('What is your name?', 'name') } });
    });
  }
  for (const name of ['test_input_required_result_sampling', 'test_missing_capability']) {
    tool(name, ({ mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'capital_question');
      if (answer.kind === 'sampling') return said(text(JSON.stringify(answer.result.content)));
      return inputRequired({
        inputRequests: { capital_question: sample('What is the capital of France?', 100) },
      });
    });
  }
  tool('test_input_required_result_list_roots', ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'client_roots');
    if (answer.kind === 'roots') return said(text(JSON.stringify(answer.roots)));
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
  tool('test_input_required_result_capabilities', ({ mcpReq }) => {
    const declared = (mcpReq.envelope as Record<string, unknown> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
    const can = Object.keys((declared as object | undefined) ?? {});
    return inputRequired({
      inputRequests: {
        ...(can.includes('sampling')
          ? { capital_question: sample('What is the capital of France?', 100) }
          : {}),
        ...(can.includes('elicitation') ? { user_name: ask('What is your name?', 'name') } : {}),
      },
    });
  });
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ]) {
    server.registerTool(name, { description: 'Keeps a state.' }, async ({ mcpReq }) => {
      if (mcpReq.requestState() !== undefined) return said(text('state-ok'));
      return inputRequired({
        inputRequests: { confirm: ask('Please confirm', 'ok', 'boolean') },
        requestState: await mint(1),
      });
    });
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks for much.' },
    async ({ mcpReq }) => {
      const answered = ['user_name', 'greeting', 'client_roots'].every(
        (key) => inputResponse(mcpReq.inputResponses, key).kind !== 'missing',
      );
      if (answered) return said(text('Thank you.'));
      return inputRequired({
        inputRequests: {
          user_name: ask('What is your name?', 'name'),
          greeting: sample('Generate a greeting', 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await mint(1),
      });
    },
  );
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks twice.' },
    async ({ mcpReq }) => {
      const step = mcpReq.requestState<{ readonly step: number }>()?.step ?? 0;
      if (step === 2) return said(text('Done.'));
      return inputRequired({
        inputRequests:
          step === 0
            ? { step1: ask('Step 1: What is your name?', 'name') }
            : { step2: ask('Step 2: What is your favorite color?', 'color') },
        requestState: await mint(step + 1),
      });
    },
  );
}

function addResources(server: McpServer): void {
  const metadata = { description: 'A fixture.' };
  server.registerResource(
    'text',
    'test://static-text',
    { ...metadata, mimeType: 'text/plain' },
    async () => ({
      contents: [
        {
          uri: 'test://static-text',
          mimeType: 'text/plain',
          text: 'This is the content of the static text resource.',
        },
      ],
    }),
  );
  server.registerResource(
    'binary',
    'test://static-binary',
    { ...metadata, mimeType: 'image/png' },
    async () => ({
      contents: [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }],
    }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { ...metadata, mimeType: 'application/json' },
    async ({ href }, { id }) => ({
      contents: [
        {
          uri: href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    }),
  );
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

function addPrompts(server: McpServer): void {
  const user = (content: ContentBlock) => ({ role: 'user' as const, content });
  const description = 'A fixture.';
  server.registerPrompt('test_simple_prompt', { description }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description,
      argsSchema: z.object({ arg1: completable(z.string(), () => ['paris', 'park']), arg2: z.string() }),
    },
    async ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description, argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri }) => ({
      messages: [
        user({
          type: 'resource',
          resource: {
            uri: resourceUri,
            mimeType: 'text/plain',
            text: 'Embedded resource content for testing.',
          },
        }),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description }, async () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }));
  server.registerPrompt('test_input_required_result_prompt', { description }, async ({ mcpReq }) => {
    const asked = acceptedContent(mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }));
    if (asked !== undefined) return { messages: [user(text(asked.context))] };
    return inputRequired({
      inputRequests: { user_context: ask('What context should the prompt use?', 'context') },
    });
  });
}
