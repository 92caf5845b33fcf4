import type { Random } from './random.ts';

export interface IssueText {
  readonly title: string;
  readonly body: string | null;
  readonly labels: readonly string[];
}

/** A thing that goes wrong or is wished for, with the words people use for it. */
interface Topic {
  readonly area: string;
  readonly bugs: readonly string[];
  readonly wishes: readonly string[];
  readonly details: readonly string[];
  readonly code: readonly string[];
}

const TOPICS: readonly Topic[] = [
  {
    area: 'parquet',
    bugs: [
      'Memory leak while reading parquet with many row groups',
      'Parquet reader returns garbage for nested lists of structs',
      'Parquet file written with zstd cannot be opened by Spark',
      'Row group statistics are wrong for negative decimals',
      'Crash on an empty parquet file',
    ],
    wishes: [
      'Support bloom filters when writing parquet',
      'Let me choose the parquet row group size',
      'Write page indexes so that point lookups are faster',
    ],
    details: [
      'The file has {n} row groups and every column is dictionary encoded.',
      'Resident memory grows by about {n} MB for each file and never goes down again.',
      'It works when I rewrite the file with a single row group.',
      'The same file opens fine in two other readers, so I think the footer is valid.',
    ],
    code: [
      "select count(*) from read_parquet('events-*.parquet') where amount < 0;",
      'writer.write(table, row_group_size={n})',
    ],
  },
  {
    area: 'csv',
    bugs: [
      'CSV with a quoted newline is split into two rows',
      'Sniffer picks the wrong delimiter for semicolon files',
      'Byte order mark ends up in the first column name',
      'Large CSV import stalls at 99 percent',
    ],
    wishes: ['Read gzip compressed CSV directly', 'Report the line number of a malformed CSV row'],
    details: [
      'Line {n} has an unclosed quote, but the message names another line.',
      'The file came out of a spreadsheet with Windows line endings.',
      'Setting the delimiter by hand is a workaround.',
    ],
    code: ["copy t from 'orders.csv' (header, delim ';');", 'id;name;note\n{n};Ana;"two\nlines"'],
  },
  {
    area: 'storage',
    bugs: [
      'Database file grows without bound after repeated deletes',
      'Checkpoint fails when the disk is full and leaves a lock behind',
      'Data corruption after a power cut during a checkpoint',
      'Cannot open a database on a read-only file system',
    ],
    wishes: ['Incremental backup to object storage', 'Encrypt data at rest with a key from the environment'],
    details: [
      'After {n} cycles the file is twice as large as a fresh copy.',
      'The write-ahead log was {n} MB when the machine went down.',
      'Running vacuum does not give the space back.',
    ],
    code: ['pragma wal_checkpoint;', 'du -h store.db   # {n}M'],
  },
  {
    area: 'query',
    bugs: [
      'Left join with an inequality returns too many rows',
      'Segmentation fault in a window function over an empty partition',
      'Query planner ignores the filter below a union',
      'Integer overflow in sum over bigint columns',
      'Wrong result for count distinct with nulls',
    ],
    wishes: ['Add an asof join', 'Explain should show estimated and actual rows', 'Support recursive views'],
    details: [
      'It needs at least {n} rows; with fewer the result is right.',
      'The plan shows a nested loop join where I expected a hash join.',
      'Disabling the optimizer makes the query {n} times slower, but correct.',
    ],
    code: [
      'select a.id, count(*) over (partition by a.kind) from a left join b on a.ts >= b.ts;',
      'explain analyze select * from t where id = {n};',
    ],
  },
  {
    area: 'python',
    bugs: [
      'Importing the python package takes four seconds',
      'Pandas timestamps lose their time zone',
      'Deadlock when two threads share a connection',
      'Wheel for musl linux is missing',
    ],
    wishes: ['Return results as an Arrow stream', 'Type hints for the relational API'],
    details: [
      'Python 3.{n}, installed with pip in a fresh virtual environment.',
      'The interpreter holds the global lock while the query runs.',
      'A minimal script is below.',
    ],
    code: [
      "import sample\ncon = sample.connect('my.db')\ncon.sql('select {n}').df()",
      'pip install sample==0.{n}',
    ],
  },
  {
    area: 'http',
    bugs: [
      'Requests time out behind a corporate proxy',
      'Retry does not honour the Retry-After header',
      'Connection pool leaks sockets after a reset',
      'Redirect to another host forwards the authorization header',
    ],
    wishes: ['Make the number of retries configurable', 'Support HTTP range requests for remote files'],
    details: [
      'After {n} requests the process has run out of file descriptors.',
      'The server answers 429 with Retry-After: {n}, and we ask again at once.',
      'TLS works; it is the proxy that closes idle connections.',
    ],
    code: [
      'curl -v https://files.example.com/big.parquet -H "Range: bytes=0-{n}"',
      'set http_retries = {n};',
    ],
  },
  {
    area: 'docs',
    bugs: [
      'The example in the quick start does not run',
      'Broken link on the installation page',
      'Documentation of the lookback option contradicts the code',
    ],
    wishes: [
      'Document how time zones are handled',
      'Add a tutorial about incremental loads',
      'Explain the error codes',
    ],
    details: [
      'Step {n} uses an option that was renamed.',
      'I lost an afternoon to this, a sentence in the guide would have helped.',
    ],
    code: ['npm run quickstart', 'sample --help | head -{n}'],
  },
  {
    area: 'build',
    bugs: [
      'Build fails with gcc 13 on a missing include',
      'Cross compiling for arm64 links the wrong library',
      'Tests are flaky on slow machines',
      'Docker image is larger than one gigabyte',
    ],
    wishes: ['Publish nightly builds', 'Reproducible release archives'],
    details: [
      'It fails in {n} of 100 runs, always in the same test.',
      'A clean checkout with an empty cache shows it every time.',
    ],
    code: [
      'cmake -B build -G Ninja && ninja -C build -j{n}',
      'error: uint64_t was not declared in this scope',
    ],
  },
  {
    area: 'sync',
    bugs: [
      'Replica misses rows that were updated during the pull',
      'Cursor moves backwards after a clock change',
      'Duplicate rows after an interrupted run',
      'Conditional put is not supported by our object store',
    ],
    wishes: ['Show how far behind a replica is', 'Resume an interrupted upload'],
    details: [
      'The page changed between two requests, so {n} records were never seen.',
      'A second run repairs it, which makes me think of a race.',
      'The clocks of the two machines are {n} seconds apart.',
    ],
    code: ['sync pull --from s3://team/prod --verbose', '{"cursor":"2025-03-{n}T10:00:00Z"}'],
  },
  {
    area: 'search',
    bugs: [
      'Full text search does not find words with accents',
      'Vector index returns fewer than k results with a filter',
      'Index build runs out of memory on a laptop',
    ],
    wishes: [
      'Highlight matches in the result',
      'Hybrid ranking of keywords and embeddings',
      'Stemming for German',
    ],
    details: [
      'With {n} documents it takes 9 GB, the index itself is small.',
      'Searching for naïve finds nothing, naive finds both.',
    ],
    code: ["select * from search('memory leak', k := {n});"],
  },
];

const TITLE_ENDINGS = [
  '',
  '',
  '',
  '',
  ' on macOS',
  ' on Windows',
  ' since the last release',
  ' in version 0.{n}',
  ' (regression)',
  ' when running in a container',
  ' with more than {n} columns',
  ' under load',
  ' 🐛',
  ' after an upgrade',
];

const GREETINGS = [
  '',
  '',
  'Hi, thanks for this great project! ',
  'Hello 👋 ',
  'First of all: I like this tool a lot. ',
];

const OTHER_SCRIPTS: readonly { readonly title: string; readonly body: string }[] = [
  {
    title: '读取 Parquet 文件时内存泄漏',
    body: '读取包含 {n} 个行组的文件后，内存没有释放。请看下面的示例。',
  },
  {
    title: '日本語の列名でクエリが失敗する',
    body: '列名に全角文字が含まれると、構文エラーになります。バージョンは 0.{n} です。',
  },
  {
    title: '한글 경로에서 데이터베이스를 열 수 없음',
    body: '경로에 한글이 있으면 {n}번 중 한 번 실패합니다.',
  },
  {
    title: 'خطأ عند قراءة ملف CSV يحتوي على نص عربي',
    body: 'يظهر النص معكوسًا بعد السطر {n}، والملف بترميز UTF-8.',
  },
  { title: 'קריסה בעת ייבוא קובץ גדול', body: 'התוכנה קורסת אחרי {n} שורות. אין הודעת שגיאה.' },
  {
    title: 'Falsche Sortierung bei Umlauten (ä, ö, ü, ß)',
    body: 'Bei {n} Zeilen steht „Äpfel“ hinter „Zebra“. Erwartet hätte ich die Reihenfolge nach DIN 5007.',
  },
  {
    title: 'Erreur d’encodage à l’export : « é » devient « Ã© »',
    body: 'Cela arrive à partir de la version 0.{n}, seulement sous Windows.',
  },
  {
    title: 'Emoji 👩‍👩‍👧‍👦 in a column name breaks the view',
    body: 'A column called 👩‍👩‍👧‍👦 (a family, {n} code points) is cut in the middle. 🏳️‍🌈 too.',
  },
];

const EXPECTATIONS = [
  'I expected the query to finish without an error.',
  'Expected: the same rows as before the upgrade.',
  'It should either work or say clearly what is wrong.',
  'I would expect memory to stay flat.',
];

const ENVIRONMENTS = [
  '- OS: Ubuntu 24.04\n- Version: 0.{n}.1\n- Client: command line',
  '- OS: macOS 15, arm64\n- Version: 0.{n}.0\n- Client: Python',
  '- OS: Windows 11\n- Version: main at `a{n}f3c`\n- Client: Node.js',
  '- OS: Debian 12 in Docker\n- Memory: {n} GB\n- Client: JDBC',
];

/** The text of one issue: made of parts that belong together, so that searching it makes sense. */
export function issueText(random: Random, isPull: boolean): IssueText {
  const fill = (text: string): string => text.replaceAll('{n}', () => String(2 + random.below(97)));
  if (!isPull && random.chance(0.06)) {
    const other = random.pick(OTHER_SCRIPTS);
    return { title: fill(other.title), body: fill(other.body), labels: random.chance(0.6) ? ['bug'] : [] };
  }
  const topic = random.pick(TOPICS);
  const isBug = random.chance(0.65);
  const subject = fill(random.pick(isBug ? topic.bugs : topic.wishes));
  const labels = [
    isBug ? 'bug' : 'enhancement',
    topic.area,
    ...random.some(['good first issue', 'help wanted', 'needs triage', 'performance'], 2),
  ];
  if (isPull) return pullText(random, fill, topic, subject, isBug, labels);
  const title = subject + (isBug ? fill(random.pick(TITLE_ENDINGS)) : '');
  if (random.chance(0.05)) return { title, body: null, labels };
  const parts = [
    `${random.pick(GREETINGS)}${fill(random.pick(topic.details))} ${fill(random.pick(topic.details))}`,
  ];
  if (random.chance(0.7)) parts.push(`### To reproduce\n\n\`\`\`\n${fill(random.pick(topic.code))}\n\`\`\``);
  if (isBug && random.chance(0.6)) parts.push(`### Expected behaviour\n\n${random.pick(EXPECTATIONS)}`);
  if (isBug && random.chance(0.5)) parts.push(`### Environment\n\n${fill(random.pick(ENVIRONMENTS))}`);
  if (random.chance(0.15)) parts.push(fill('Possibly related to #{n}.'));
  return { title, body: parts.join('\r\n\r\n'), labels };
}

function pullText(
  random: Random,
  fill: (text: string) => string,
  topic: Topic,
  subject: string,
  isBug: boolean,
  labels: readonly string[],
): IssueText {
  const title = isBug ? `Fix: ${subject.charAt(0).toLowerCase()}${subject.slice(1)}` : subject;
  const tasks = `- [x] tests for ${topic.area}\n- [${random.chance(0.5) ? 'x' : ' '}] documentation`;
  const body = `${fill(isBug ? 'Fixes #{n}.' : 'Closes #{n}.')} ${fill(random.pick(topic.details))}\r\n\r\n${tasks}`;
  return { title, body: random.chance(0.08) ? null : body, labels };
}
