import type { Rule } from '@hakiri/access';

/** Where a rule stands, in words. */
export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'manifest':
      return `manifest: ${rule.place}`;
    case 'block':
      return `${rule.index === 0 ? 'token' : `token, block ${rule.index}`}: ${rule.fact}`;
    case 'zone':
      return `${rule.place} is not served to ${rule.zone === undefined ? 'an unknown zone' : `the zone ${rule.zone}`}`;
    case 'no_right':
      return 'no right on the table';
  }
}
