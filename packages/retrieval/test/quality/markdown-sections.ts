/** A section of a Markdown file: a heading and what stands under it, up to the next heading. */
export interface Section {
  /** The file's path and the heading's anchor. */
  readonly id: string;
  readonly title: string;
  /** Without the title, without markup, and without the texts of links to other sections. */
  readonly text: string;
}

/** A link from one section to another, or to another file. */
export interface SectionLink {
  /** What is linked, without markup. */
  readonly text: string;
  readonly from: string;
  /** Id of a section. */
  readonly to: string;
}

export interface MarkdownFile {
  /** With slashes, relative to a folder that all files share. */
  readonly path: string;
  readonly content: string;
}

const HEADING = /^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$/;
const FENCE = /^ {0,3}(```|~~~)/;
/** Inline links; a text may hold one pair of brackets, as code does. */
const LINK = /!?\[((?:[^[\]]|\[[^[\]]*\])*)\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;

interface Draft {
  readonly id: string;
  readonly title: string;
  readonly lines: string[];
}

export function readMarkdown(files: readonly MarkdownFile[]): {
  readonly sections: readonly Section[];
  readonly links: readonly SectionLink[];
} {
  const drafts = files.map((file) => ({ path: file.path, drafts: split(file) }));
  const ids = new Set(drafts.flatMap((file) => file.drafts.map(({ id }) => id)));
  const starts = new Map(drafts.map((file) => [file.path.toLowerCase(), file.drafts[0]?.id]));
  const links: SectionLink[] = [];
  const sections = drafts.flatMap(({ path, drafts: inFile }) =>
    inFile.map(({ id, title, lines }) => {
      const text = lines.join('\n').replace(LINK, (whole, label: string, address: string) => {
        if (whole.startsWith('!')) return ' ';
        const to = targetOf(path, address, ids, starts);
        if (to === undefined) return label;
        links.push({ text: plain(label), from: id, to });
        return ' ';
      });
      return { id, title, text: plain(text) };
    }),
  );
  return { sections, links };
}

function split({ path, content }: MarkdownFile): readonly Draft[] {
  const drafts: Draft[] = [{ id: `${path}#`, title: '', lines: [] }];
  const anchors = new Map<string, number>();
  let fenced = false;
  for (const line of content.split(/\r?\n/)) {
    if (FENCE.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : HEADING.exec(line)?.[2];
    if (heading === undefined) {
      drafts.at(-1)!.lines.push(line);
      continue;
    }
    const title = plain(heading);
    const anchor = anchorOf(title);
    const seen = anchors.get(anchor) ?? 0;
    anchors.set(anchor, seen + 1);
    drafts.push({ id: `${path}#${seen === 0 ? anchor : `${anchor}-${seen}`}`, title, lines: [] });
  }
  return drafts.filter(({ title, lines }) => title !== '' || lines.some((line) => line.trim() !== ''));
}

/** As GitHub makes them. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

function targetOf(
  from: string,
  address: string,
  ids: ReadonlySet<string>,
  starts: ReadonlyMap<string, string | undefined>,
): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(address) || address.startsWith('//')) return undefined;
  const [path = '', anchor = ''] = address.split('#');
  const file = path === '' ? from : resolvePath(from, path);
  if (anchor === '') return path === '' ? undefined : starts.get(file.toLowerCase());
  const id = `${file}#${decode(anchor).toLowerCase()}`;
  return ids.has(id) ? id : undefined;
}

function resolvePath(from: string, path: string): string {
  const parts = path.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of decode(path).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function plain(markdown: string): string {
  return markdown
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/<\/?[a-zA-Z][^<>]*>/g, ' ')
    .replace(LINK, '$1')
    .replace(/^ {0,3}(```|~~~).*$/gm, ' ')
    .replace(/[`*]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '')
    .replace(/[|>#-]{2,}|^\s*[-+|>]\s/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
