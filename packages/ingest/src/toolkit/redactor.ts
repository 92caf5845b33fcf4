/** Removes secrets from text that people will read. */
export interface Redactor {
  /** From now on this value is never shown. */
  add(secret: string): void;
  /** Text without any secret in it, as it is, URL-encoded or in base64. */
  clean(text: string): string;
  /** Origin and path of an address; its parameters by name only. Nothing in a value can leak. */
  address(url: URL): string;
}

const MASK = '***';
/** A secret shorter than this would blot out ordinary words. */
const MIN_SECRET_LENGTH = 4;

export function createRedactor(): Redactor {
  const spellings = new Set<string>();
  const clean = (text: string): string => {
    let cleaned = text;
    for (const spelling of spellings) cleaned = cleaned.replaceAll(spelling, MASK);
    return cleaned;
  };
  return {
    add(secret) {
      if (secret.length < MIN_SECRET_LENGTH) return;
      spellings.add(secret);
      spellings.add(encodeURIComponent(secret));
      spellings.add(Buffer.from(secret).toString('base64'));
    },
    clean,
    address: (url) => clean(`${url.origin}${url.pathname}${parameterNames(url)}`),
  };
}

function parameterNames(url: URL): string {
  const names = [...new Set(url.searchParams.keys())];
  return names.length === 0 ? '' : `?${names.map((name) => `${name}=…`).join('&')}`;
}
