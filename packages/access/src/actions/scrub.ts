import { type PiiType, quoteLiteral } from '@hakiri/core';

/** Raised whenever a detector finds something else: what was made with the old ones is made anew. */
export const DETECTORS_VERSION = 1;

/** What is no part of an address of mail, whatever the alphabet. */
const NOT_IN_ADDRESS = '\\x{0}-\\x{20}@<>()\\[\\]{}"\',;:|';

/**
 * What a value looks like in a text, in the subset that RE2 and JavaScript read alike: code points, no classes that
 * follow Unicode's version, nothing that looks around. They rather take too much than too little. In the order in
 * which they are looked for. Their kinds are `FINDABLE_PII_TYPES`.
 */
const DETECTORS = {
  secret:
    '[A-Za-z0-9_+/=-]{24,}|(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|glpat|xox[a-z])[_-][A-Za-z0-9_-]{8,}|AKIA[A-Z0-9]{12,}',
  iban: '[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,40}|[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,40}',
  credit_card: '[0-9](?:[ .-]{0,2}[0-9]){11,40}',
  email: `[^${NOT_IN_ADDRESS}]{1,64}@[^${NOT_IN_ADDRESS}]{1,190}\\.[^.${NOT_IN_ADDRESS}]{2,63}`,
  ip: '[0-9]{1,3}(?:\\.[0-9]{1,3}){3}|(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}|(?:(?:[0-9A-Fa-f]{1,4}:){1,7}|:)(?::[0-9A-Fa-f]{1,4}){1,7}|(?:[0-9A-Fa-f]{1,4}:){1,7}:',
  phone: '[+(]{0,2}[0-9](?:[ ()./-]{0,3}[0-9]){6,40}',
} as const satisfies Partial<Record<PiiType, string>>;

type Detectable = keyof typeof DETECTORS;

const ORDER = Object.keys(DETECTORS) as readonly Detectable[];

/** Cuts out what looks like a value of these kinds: `[email]` in its place. */
export function scrubText(piiTypes: readonly PiiType[]): (text: string) => string {
  const steps = detectors(piiTypes).map((type) => ({
    pattern: new RegExp(DETECTORS[type].replaceAll('\\x{', '\\u{'), 'gu'),
    instead: `[${type}]`,
  }));
  return (text) => steps.reduce((left, { pattern, instead }) => left.replace(pattern, instead), text);
}

/** The same of a VARCHAR expression; NULL stays NULL. */
export function scrubSql(text: string, piiTypes: readonly PiiType[]): string {
  return detectors(piiTypes).reduce(
    (left, type) => `regexp_replace(${left}, ${quoteLiteral(DETECTORS[type])}, '[${type}]', 'g')`,
    text,
  );
}

function detectors(piiTypes: readonly PiiType[]): readonly Detectable[] {
  return ORDER.filter((type) => piiTypes.includes(type));
}
