import type { Env, Hono } from 'hono';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const RESOURCE = '/mcp';

/** Of proofs of possession that are taken. */
export const DPOP_ALGORITHMS = ['EdDSA', 'ES256'] as const;

/**
 * What a client may read without a token: how one is sent (RFC 9728). There is no authorization server: tokens are
 * issued offline, by whoever holds the project's key.
 */
export function resourceMetadata<E extends Env>(app: Hono<E>, project: string | undefined): void {
  for (const path of [RESOURCE, '']) {
    app.get(`${WELL_KNOWN}${path}`, (c) =>
      c.json({
        resource: `${originOf(c.req.raw)}${path}`,
        resource_name: project === undefined ? 'Hakiri' : `Hakiri: ${project}`,
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
        dpop_bound_access_tokens_required: false,
      }),
    );
  }
}

export const metadataUrl = (request: Request): string => `${originOf(request)}${WELL_KNOWN}${RESOURCE}`;

/** The address that was asked, without query: what a proof of possession names. */
export const resourceUrl = (request: Request): string =>
  `${originOf(request)}${new URL(request.url).pathname}`;

/**
 * The host was checked before. Whoever stands in front and speaks TLS says so; a caller who claims it deceives nobody
 * but itself.
 */
function originOf(request: Request): string {
  const { host, protocol } = new URL(request.url);
  const forwarded = request.headers.get('x-forwarded-proto');
  return `${forwarded === 'https' || forwarded === 'http' ? `${forwarded}:` : protocol}//${host}`;
}
