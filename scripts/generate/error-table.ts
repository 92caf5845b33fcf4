import { ERROR_CATALOGUE, EXIT } from '@hakiri/core';

/** Every error, by the part it comes from. */
export function errorTables(): string {
  const families = Map.groupBy(Object.entries(ERROR_CATALOGUE), ([code]) => code.split('.')[0] ?? code);
  return [...families]
    .map(([family, kinds]) => {
      const rows = kinds.map(
        ([code, { meaning, hint, exit }]) => `| \`${code}\` | ${meaning} | ${hint} | ${exit} |`,
      );
      return `## ${family}\n\n| code | what happened | what to do | exit |\n| --- | --- | --- | --- |\n${rows.join('\n')}`;
    })
    .join('\n\n');
}

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'Done.',
  failed: 'It failed.',
  usage: 'The command, the manifest or the query is not right.',
  denied: 'The query tried to reach what it may not.',
  conflict: 'Another process holds the store.',
  source: 'The source, or the credentials for it.',
  interrupted: 'It was interrupted.',
};

export function exitCodes(): string {
  const rows = Object.entries(EXIT).map(
    ([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT]} |`,
  );
  return `| exit code | meaning |\n| --- | --- |\n${rows.join('\n')}`;
}
