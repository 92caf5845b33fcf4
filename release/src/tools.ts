import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a build needs of the machine and does not find, with the Debian package that has it; empty when all is there. */
export function missingTools(): readonly string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const commands: Readonly<Record<string, string>> = {
    gcc: 'gcc',
    strip: 'binutils',
    ldd: 'libc-bin',
    'dpkg-query': 'dpkg',
  };
  const missing = Object.entries(commands)
    .filter(([command]) => !folders.some((folder) => existsSync(join(folder, command))))
    .map(([command, name]) => `${command} (${name})`);
  return existsSync('/usr/include/zstd.h') ? missing : [...missing, 'libzstd.a (libzstd-dev)'];
}
