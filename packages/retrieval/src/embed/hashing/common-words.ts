/** Words of English that say little about a text. Words of one or two letters count less in any language. */
const COMMON = `a about above after again against all also am an and any are as at be because been before being below
between both but by can cannot could default did do does doing done down during each either else ever every example few
for from further get gets give given gives had has have having he her here hers him his how however i if in into is it
its itself just let like made make makes many may me might more most much must my new no nor not note now of off on once
one only or other our out over own per same see set several shall she should since so some such than that the their them
then there these they this those through thus to too two under until up upon us use used uses using very via was way we
well were what when where whether which while who whom whose why will with within without would yes yet you your`;

const COMMON_WORDS: ReadonlySet<string> = new Set(COMMON.split(/\s/));

const COMMON_WEIGHT = 0.1;
const SHORT_WEIGHT = 0.6;
const SHORT_LENGTH = 2;

/** How much a word counts beside others. */
export function wordWeight(word: string): number {
  if (COMMON_WORDS.has(word)) return COMMON_WEIGHT;
  return word.length <= SHORT_LENGTH ? SHORT_WEIGHT : 1;
}
