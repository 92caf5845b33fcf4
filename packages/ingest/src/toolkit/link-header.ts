const LINK = /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)/g;
const PARAMETER = /;\s*([^\s=;,]+)(?:\s*=\s*(?:"([^"]*)"|([^\s;,"]+)))?/g;

/** The address of one relation in a Link header (RFC 8288): `<https://...>; rel="next"`. */
export function linkAddress(header: string | undefined, relation: string): string | undefined {
  for (const [, address, parameters = ''] of header?.matchAll(LINK) ?? []) {
    for (const [, name = '', quoted, plain] of parameters.matchAll(PARAMETER)) {
      const relations = (quoted ?? plain ?? '').toLowerCase().split(/\s+/);
      if (name.toLowerCase() === 'rel' && relations.includes(relation)) return address;
    }
  }
  return undefined;
}
