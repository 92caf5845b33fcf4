import { FULL_PROFILE } from '../../packages/cli/src/full/full-profile.ts';
import { main } from '../../packages/cli/src/main.ts';
import type { Host } from '../../packages/cli/src/node-host.ts';

const COMMANDS: readonly (readonly string[])[] = [
  [],
  ['init'],
  ['run'],
  ['plan'],
  ['query'],
  ['tables'],
  ['describe'],
  ['export'],
  ['index', 'list'],
  ['index', 'rebuild'],
  ['serve'],
  ['mcp'],
  ['pipeline', 'list'],
  ['pipeline', 'describe'],
  ['pipeline', 'convert'],
  ['policy', 'explain'],
  ['policy', 'test'],
  ['token', 'issue'],
  ['token', 'attenuate'],
  ['token', 'inspect'],
  ['token', 'verify'],
  ['token', 'revoke'],
  ['token', 'list'],
  ['key', 'export'],
  ['key', 'import'],
  ['key', 'rotate'],
  ['compact'],
  ['gc'],
  ['forget'],
  ['audit', 'tail'],
  ['audit', 'who-read'],
  ['audit', 'by-agent'],
  ['audit', 'verify'],
  ['audit', 'export'],
  ['doctor'],
  ['schema'],
  ['completions'],
];

/** What `--help` of each command prints. */
export async function commandHelp(): Promise<string> {
  const blocks: string[] = [];
  for (const command of COMMANDS) {
    const title = ['hakiri', ...command].join(' ');
    blocks.push(`## ${title}\n\n\`\`\`text\n${(await helpOf(command)).trim()}\n\`\`\``);
  }
  return blocks.join('\n\n');
}

async function helpOf(command: readonly string[]): Promise<string> {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const host: Host = {
    profile: FULL_PROFILE,
    cwd: '/',
    env: {},
    stdout: { write },
    stderr: { write },
    readStdin: async () => '',
    confirm: async () => undefined,
    onInterrupt: () => () => {},
    writeBytes: async () => {},
    stdio: () => {
      throw new Error('help speaks no protocol');
    },
    exitNow: () => {},
    openProject: () => Promise.reject(new Error('help opens no project')),
  };
  const code = await main([...command, '--help'], host);
  if (code !== 0) throw new Error(`${command.join(' ')} --help ended with ${code}`);
  return written.join('');
}
