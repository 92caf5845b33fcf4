/** The address of one relation in a Link header (RFC 8288): `<https://...>; rel="next"`. */
export function linkAddress(header: string | undefined, relation: string): string | undefined {
  if (header === undefined) return undefined;
  for (const [, address, parameters] of header.matchAll(
    /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)/g,
  )) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters ?? '');
    const relations = (rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes(relation)) return address;
  }
  return undefined;
}
