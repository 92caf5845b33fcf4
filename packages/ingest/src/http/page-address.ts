import type { ClientRequest } from '../toolkit/http-client.ts';
import type { Resource } from './resource.ts';

/** The address of a resource with its own parameters; `path` has its placeholders filled in. */
export function resourceAddress(baseUrl: string, path: string, params: Resource['params']): URL {
  const url = new URL(path === '' ? baseUrl : `${baseUrl.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`);
  for (const [name, value] of Object.entries(params)) {
    if (!Array.isArray(value)) url.searchParams.set(name, String(value));
    else for (const item of value) url.searchParams.append(name, String(item));
  }
  return url;
}

/**
 * The request for a page address. With POST its parameters become members of a JSON body: the manifest's own with
 * their types, those of paging and time as numbers where they are whole numbers.
 */
export function pageRequest(
  resource: Pick<Resource, 'method' | 'params'>,
  url: URL,
): Pick<ClientRequest, 'method' | 'url' | 'headers' | 'body'> {
  if (resource.method === 'GET') return { method: 'GET', url };
  const members: Record<string, unknown> = {};
  for (const [name, value] of url.searchParams) {
    members[name] = resource.params[name] ?? (/^\d{1,15}$/.test(value) ? Number(value) : value);
  }
  const bare = new URL(url);
  bare.search = '';
  return {
    method: 'POST',
    url: bare,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(members),
  };
}
