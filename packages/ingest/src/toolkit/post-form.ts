import { HakiriError } from '@hakiri/core';
import type { PostForm } from './auth.ts';
import type { HttpClient } from './http-client.ts';

const MAX_ANSWER_BYTES = 1024 * 1024;

/** Posts forms through a client without credentials. Throws source.auth where the server refuses them. */
export function postForm(client: HttpClient): PostForm {
  return async (url, form, headers, signal) => {
    const request = {
      method: 'POST',
      url,
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: form.toString(),
      // RFC 6749, 5.2: wrong client credentials are a 400 or a 401.
      accept: [400],
      signal,
    } as const;
    return client.fetch(request, async (response) => {
      const text = await readText(response.body);
      if (response.status === 400) {
        throw new HakiriError(
          'source.auth',
          `${client.redactor.address(url)} refused the client credentials`,
        );
      }
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw new HakiriError('source.not_json', `${client.redactor.address(url)} did not answer with JSON`, {
          cause,
        });
      }
    });
  };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new HakiriError('source.too_large', 'The token answer is larger than 1 MB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
