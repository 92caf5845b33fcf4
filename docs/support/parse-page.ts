import { readFileSync } from 'node:fs';

/** What a page has a reader do, in its order. */
export type Step =
  | { readonly kind: 'file'; readonly path: string; readonly content: string; readonly line: number }
  | { readonly kind: 'command'; readonly text: string; readonly expected: string; readonly line: number }
  | {
      readonly kind: 'fragment';
      readonly language: 'toml' | 'json';
      readonly text: string;
      readonly line: number;
    };

interface Block {
  readonly language: string;
  readonly info: string;
  readonly body: readonly string[];
  /** Of its first line, from 1. */
  readonly line: number;
}

/** First line of a block that is a file: `# hakiri.toml`, `-- report.sql`. */
const NAME_COMMENT = /^(?:#|--) ([\w./-]+\.(?:toml|sql))$/;
const FILE_LANGUAGES = ['toml', 'json', 'csv', 'ndjson', 'sql'];

/** Steps of a Markdown page. Blocks in other languages (`text`, `sh`) are to be read, not run. */
export function parsePage(path: string): readonly Step[] {
  return blocksOf(readFileSync(path, 'utf8')).flatMap(toSteps);
}

function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { language: string; info: string; body: string[]; line: number } | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^```(\S*) ?(.*)$/.exec(line);
    if (open === undefined && fence !== null) {
      open = { language: fence[1] ?? '', info: fence[2] ?? '', body: [], line: i + 2 };
    } else if (open !== undefined && line === '```') {
      blocks.push(open);
      open = undefined;
    } else open?.body.push(line);
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line} is not closed`);
  return blocks;
}

function toSteps(block: Block): readonly Step[] {
  const { language, info, body, line } = block;
  if (language === 'console') return commandsOf(block);
  if (!FILE_LANGUAGES.includes(language)) return [];
  const content = `${body.join('\n')}\n`;
  const named = /^file=(\S+)$/.exec(info)?.[1] ?? NAME_COMMENT.exec(body[0] ?? '')?.[1];
  if (named !== undefined) return [{ kind: 'file', path: named, content, line }];
  if (language === 'toml' || language === 'json')
    return [{ kind: 'fragment', language, text: content, line }];
  throw new Error(`line ${line}: a block of ${language} without a file name is of no use to the reader`);
}

/** `$ ` starts a command, `> ` goes on with it, everything else is what it prints. */
function commandsOf({ body, line }: Block): readonly Step[] {
  const commands: { text: string[]; expected: string[]; line: number }[] = [];
  for (const [i, text] of body.entries()) {
    const last = commands.at(-1);
    if (text.startsWith('$ ')) commands.push({ text: [text.slice(2)], expected: [], line: line + i });
    else if (last === undefined) throw new Error(`line ${line + i}: output without a command`);
    else if (text.startsWith('> ') && last.expected.length === 0) last.text.push(text.slice(2));
    else last.expected.push(text);
  }
  return commands.map((command) => ({
    kind: 'command',
    text: command.text.join('\n'),
    expected: command.expected.join('\n'),
    line: command.line,
  }));
}
