import * as z from 'zod';
import { LOCAL_ZONE, ZONE_PATTERN } from '../zones.ts';
import { dims } from './index-schema.ts';
import { duration, patterned, secretName, text, wholeNumber } from './schema-parts.ts';

const MAX_BATCH = 2048;
const MAX_PREFIX = 1000;

const prefix = z
  .string({ error: 'a text' })
  .max(MAX_PREFIX, { error: `a text of at most ${MAX_PREFIX} characters` });

const endpoint = text('the address of an endpoint such as "http://127.0.0.1:8080/v1/embeddings"').check(
  (context) => {
    const problem = endpointProblem(context.value);
    if (problem !== undefined) {
      context.issues.push({ code: 'custom', message: problem, input: context.value });
    }
  },
);

function endpointProblem(value: string): string | undefined {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol))
    return 'an address that starts with http:// or https://';
  if (url.username !== '' || url.password !== '')
    return 'an address without a user or password: name the key under secret';
  return url.hash === '' ? undefined : 'an address without "#"';
}

export const embeddingSchema = z
  .strictObject(
    {
      endpoint: endpoint
        .optional()
        .describe(
          'The address of an OpenAI-compatible `/v1/embeddings`. The model is asked for by the name of this section. This or `folder`.',
        ),
      folder: text('a folder')
        .optional()
        .describe(
          "A folder with an ONNX model (`model.onnx` or `onnx/model.onnx`) and its `tokenizer.json`, relative to the project's. Needs the package `onnxruntime-node`. This or `endpoint`.",
        ),
      dim: dims
        .optional()
        .describe(
          'How many numbers a vector of the model has. Required, here or at an index that uses the model.',
        ),
      zone: patterned(
        ZONE_PATTERN,
        '"local:device", or "on-prem:", "private-cloud:" or "public-cloud:" and a name such as "on-prem:rack1"',
      )
        .optional()
        .describe(
          'Where the endpoint runs: `local:device`, or a name after `on-prem:`, `private-cloud:` or `public-cloud:`. Data whose `inference_zone_allowed` leaves the zone out is not sent there. Required with `endpoint`.',
        ),
      secret: secretName
        .optional()
        .describe(
          'The name of the secret that is sent as a bearer token. Its value comes from where other secrets do.',
        ),
      batch: wholeNumber(1, MAX_BATCH, `a whole number from 1 to ${MAX_BATCH}`)
        .optional()
        .describe('The most texts in one request. Default: 64.'),
      timeout: duration(1000, 600_000, 'a duration of 1s to 600s')
        .optional()
        .describe('How long one request may take. Default: "30s".'),
      query_prefix: prefix
        .optional()
        .describe('Put before what is searched for, where the model wants it, such as "query: ".'),
      document_prefix: prefix
        .optional()
        .describe('Put before what is indexed, where the model wants it, such as "passage: ".'),
    },
    { error: 'a table such as { endpoint = "http://127.0.0.1:8080/v1/embeddings", zone = "local:device" }' },
  )
  .check((context) => {
    const given = context.value;
    const refuse = (key: string, message: string): void => {
      const input = given[key as keyof typeof given];
      context.issues.push({ code: 'custom', message, input, path: [key] });
    };
    if ((given.endpoint === undefined) === (given.folder === undefined)) {
      refuse('endpoint', 'either endpoint or folder');
    }
    if (given.endpoint !== undefined && given.zone === undefined) {
      refuse('zone', 'where the endpoint runs, "local:device" or "public-cloud:openai" for example');
    }
    if (given.folder !== undefined) {
      for (const key of ['zone', 'secret', 'timeout'] as const) {
        if (given[key] !== undefined) refuse(key, `no ${key} beside folder: the model runs in ${LOCAL_ZONE}`);
      }
    }
  })
  .describe('A model that makes vectors of texts: an endpoint, or a folder.');

export type RawEmbedding = z.infer<typeof embeddingSchema>;
