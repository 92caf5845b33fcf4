import { HakiriError } from '@hakiri/core';
import { z } from 'zod';
import type { Redactor } from './redactor.ts';
import { readSecret, secretName } from './secret-name.ts';
import type { SourceContext } from './source-context.ts';

const scheme = <Type extends string>(type: Type) =>
  z.literal(type).describe('How requests are authenticated.');

export const authSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: scheme('bearer'),
    token: secretName.describe('Secret sent as `Authorization: Bearer ...`.'),
  }),
  z.strictObject({
    type: scheme('basic'),
    username: z.string().describe('User name, in clear. Either this or `username_secret`.').optional(),
    username_secret: secretName.describe('Secret that is the user name, an API key for example.').optional(),
    password: secretName.describe('Secret that is the password; empty when left out.').optional(),
  }),
  z.strictObject({
    type: scheme('header'),
    name: z.string().min(1).describe('Name of the header.'),
    value: secretName.describe('Secret sent in the header.'),
    prefix: z.string().describe('Text before the value, `Token ` for example.').optional(),
  }),
  z.strictObject({
    type: scheme('api_key'),
    name: z.string().min(1).describe('Name of the header or of the query parameter.'),
    key: secretName.describe('Secret that is the key.'),
    in: z.enum(['header', 'query']).describe('Where the key goes.').default('header'),
  }),
  z.strictObject({
    type: scheme('oauth2_client_credentials'),
    token_url: z.string().describe('Address that hands out tokens.'),
    client_id: z.string().describe('Client id, in clear. Either this or `client_id_secret`.').optional(),
    client_id_secret: secretName.describe('Secret that is the client id.').optional(),
    client_secret: secretName.describe('Secret that is the client secret.'),
    scopes: z.array(z.string()).describe('Scopes to ask for.').optional(),
    audience: z.string().describe('Audience to ask for, where the server wants one.').optional(),
    send_in: z
      .enum(['body', 'basic'])
      .describe('Whether id and secret go into the form or into basic authentication.')
      .default('body'),
  }),
]);

export type AuthConfig = z.output<typeof authSchema>;

/** Credentials for requests to the source's own origin; they go nowhere else. */
export interface Authenticator {
  /** Adds credentials; may fetch a token first. */
  apply(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<void>;
  /** Called on a 401: whether another try, with a fresh token, makes sense. */
  renew(): boolean;
}

/** Posts a form to a token endpoint and returns its JSON. */
export type PostForm = (
  url: URL,
  form: URLSearchParams,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<unknown>;

export const NO_AUTH: Authenticator = { apply: async () => {}, renew: () => false };

export function createAuthenticator(
  config: AuthConfig | undefined,
  context: SourceContext,
  redactor: Redactor,
  postForm: PostForm,
): Authenticator {
  const secret = (name: string, key: string): string => {
    const value = readSecret(context, name, `auth.${key}`);
    redactor.add(value);
    return value;
  };
  switch (config?.type) {
    case undefined:
      return NO_AUTH;
    case 'bearer':
      return fixedHeader('authorization', `Bearer ${secret(config.token, 'token')}`);
    case 'basic': {
      const username = clearOrSecret(config.username, config.username_secret, 'username', secret);
      const password = config.password === undefined ? '' : secret(config.password, 'password');
      return fixedHeader('authorization', basic(username, password, redactor));
    }
    case 'header':
      return fixedHeader(config.name.toLowerCase(), `${config.prefix ?? ''}${secret(config.value, 'value')}`);
    case 'api_key': {
      const key = secret(config.key, 'key');
      if (config.in === 'header') return fixedHeader(config.name.toLowerCase(), key);
      return { apply: async (url) => url.searchParams.set(config.name, key), renew: () => false };
    }
    case 'oauth2_client_credentials':
      return clientCredentials(config, context, redactor, secret, postForm);
  }
}

type ReadSecret = (name: string, key: string) => string;

function clearOrSecret(
  clear: string | undefined,
  name: string | undefined,
  key: string,
  secret: ReadSecret,
): string {
  if ((clear === undefined) === (name === undefined)) {
    throw new HakiriError('source.config', `\`auth\` needs exactly one of \`${key}\` and \`${key}_secret\``);
  }
  return clear ?? secret(name ?? '', `${key}_secret`);
}

function fixedHeader(name: string, value: string): Authenticator {
  return {
    apply: async (_url, headers) => {
      headers[name] = value;
    },
    renew: () => false,
  };
}

function basic(username: string, password: string, redactor: Redactor): string {
  const pair = `${username}:${password}`;
  redactor.add(pair);
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** A token is fetched again this long before it runs out. */
const RENEW_EARLY_MS = 30_000;

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().optional() });

/** RFC 6749, 4.4. One token at a time, shared by all requests; a 401 renews it once. */
function clientCredentials(
  config: Extract<AuthConfig, { type: 'oauth2_client_credentials' }>,
  context: SourceContext,
  redactor: Redactor,
  secret: ReadSecret,
  postForm: PostForm,
): Authenticator {
  const clientId = clearOrSecret(config.client_id, config.client_id_secret, 'client_id', secret);
  const clientSecret = secret(config.client_secret, 'client_secret');
  const tokenUrl = new URL(config.token_url);
  let current: Promise<{ token: string; goodUntilMs: number }> | undefined;

  const fetchToken = async (signal: AbortSignal) => {
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (config.scopes !== undefined) form.set('scope', config.scopes.join(' '));
    if (config.audience !== undefined) form.set('audience', config.audience);
    const headers: Record<string, string> = {};
    if (config.send_in === 'basic') headers.authorization = basic(clientId, clientSecret, redactor);
    else {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
    }
    const answer = tokenAnswer.safeParse(await postForm(tokenUrl, form, headers, signal));
    if (!answer.success) {
      throw new HakiriError(
        'source.auth',
        `${redactor.address(tokenUrl)} did not answer with an access token`,
      );
    }
    redactor.add(answer.data.access_token);
    const lifeMs = (answer.data.expires_in ?? Number.POSITIVE_INFINITY) * 1000;
    return {
      token: answer.data.access_token,
      goodUntilMs: context.clock.monotonicMs() + lifeMs - Math.min(RENEW_EARLY_MS, lifeMs / 10),
    };
  };

  return {
    apply: async (_url, headers, signal) => {
      if (current !== undefined && (await current).goodUntilMs <= context.clock.monotonicMs()) {
        current = undefined;
      }
      current ??= fetchToken(signal).catch((error: unknown) => {
        current = undefined;
        throw error;
      });
      headers.authorization = `Bearer ${(await current).token}`;
    },
    renew: () => {
      current = undefined;
      return true;
    },
  };
}
