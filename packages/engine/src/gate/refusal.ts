import { HakiriError, nearestNames } from '@hakiri/core';

/** @param what a construct, as the end of "The query ..." */
export function refuse(what: string, hint?: string): never {
  throw new HakiriError('query.refused', `The query ${what}`, hint === undefined ? {} : { hint });
}

/** Names come from the query; what is shown of one is short and on one line. */
export function shown(name: string): string {
  return name.replace(/[\p{C}\p{Z}"]+/gu, ' ').slice(0, 80);
}

export function didYouMean(name: string, names: Iterable<string>): string | undefined {
  const near = nearestNames(name, [...names]);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : undefined;
}
