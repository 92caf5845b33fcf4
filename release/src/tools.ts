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
  return [...missing, ...missingLibraries(platform)];
}

/** Without what a program is linked with: its static library, or what shows that it is there. */
function missingLibraries({ system }: Platform): readonly string[] {
  if (system.packed === 'zip') return [];
  const [file, what] =
    system.emulator === undefined
      ? ['/usr/include/zstd.h', 'libzstd.a (libzstd-dev)']
      : [`/usr/${system.triplet}/lib/libc.a`, `libc.a (libc6-dev-${system.debianArchitecture}-cross)`];
  return existsSync(file) ? [] : [what];
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
