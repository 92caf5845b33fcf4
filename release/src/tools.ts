import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Platform, platformOf } from './platform.ts';

/** What a build needs of the machine and does not find, with the Debian package that has it; empty when all is there. */
export function missingTools(platform: Platform = platformOf('linux-x64')): readonly string[] {
  if (`${process.platform}-${process.arch}` !== 'linux-x64') return ['a machine with linux-x64'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = Object.entries(toolsFor(platform))
    .filter(([command]) => !folders.some((folder) => existsSync(join(folder, command))))
    .map(([command, name]) => `${command} (${name})`);
  const zstd = platform.name !== 'linux-x64' || existsSync('/usr/include/zstd.h');
  return zstd ? missing : [...missing, 'libzstd.a (libzstd-dev)'];
}

/** By command, the package. */
function toolsFor({ system }: Platform): Readonly<Record<string, string>> {
  if (system.packed === 'zip') return {};
  const { triplet, emulator } = system;
  const common = { readelf: 'binutils', 'dpkg-query': 'dpkg' };
  if (emulator === undefined)
    return { [`${triplet}-gcc`]: 'gcc', [`${triplet}-strip`]: 'binutils', ...common };
  const machine = triplet.replaceAll('_', '-');
  return {
    [`${triplet}-gcc`]: `gcc-${machine}`,
    [`${triplet}-strip`]: `binutils-${machine}`,
    [emulator]: 'qemu-user-static',
    'apt-get': 'apt',
    ...common,
  };
}
