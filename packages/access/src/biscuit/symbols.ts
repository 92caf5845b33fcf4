import { malformed } from './malformed.ts';

/** Symbols that every token knows, in their order. */
const KNOWN: readonly string[] = [
  'read',
  'write',
  'resource',
  'operation',
  'right',
  'time',
  'role',
  'owner',
  'tenant',
  'namespace',
  'user',
  'team',
  'service',
  'admin',
  'email',
  'group',
  'member',
  'ip_address',
  'client',
  'client_ip',
  'domain',
  'path',
  'version',
  'cluster',
  'node',
  'hostname',
  'nonce',
  'query',
];

/** Where the symbols that blocks add begin. */
const FIRST_ADDED = 1024;

/** What the numbers in a block stand for. Blocks of one token share a table; blocks of third parties have their own. */
export interface Symbols {
  /** @throws HakiriError token.invalid where there is none of that number */
  text(index: number): string;
  /** Its number; added where it is new. */
  index(text: string): number;
  /** @throws HakiriError token.invalid where one is there already */
  add(texts: readonly string[]): void;
  /** Those added since the last call. */
  takeAdded(): readonly string[];
}

export function createSymbols(): Symbols {
  const indexes = new Map(KNOWN.map((text, index) => [text, index]));
  const added: string[] = [];
  let taken = 0;
  const append = (text: string): number => {
    const index = FIRST_ADDED + added.length;
    indexes.set(text, index);
    added.push(text);
    return index;
  };
  return {
    text(index) {
      const text = index < FIRST_ADDED ? KNOWN[index] : added[index - FIRST_ADDED];
      if (text === undefined) throw malformed('it names a symbol that is not there');
      return text;
    },
    index: (text) => indexes.get(text) ?? append(text),
    add(texts) {
      for (const text of texts) {
        if (indexes.has(text)) throw malformed('it adds a symbol that is there already');
        append(text);
      }
      taken = added.length;
    },
    takeAdded() {
      const fresh = added.slice(taken);
      taken = added.length;
      return fresh;
    },
  };
}
