import { join } from 'node:path';
import { runTool } from './command.ts';
import { debianRoot } from './debian.ts';
import { RELEASE, ROOT } from './paths.ts';
import { LINUX_X64, type Linux } from './platform.ts';

const FLAGS = ['-std=gnu2x', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-s'];
// The same bytes whenever and wherever it is compiled.
const REPRODUCIBLE = ['-Wl,--build-id=none', `-ffile-prefix-map=${RELEASE}=.`];

const HAKIRI = ['hakiri', 'cache', 'payload', 'remove-folder', 'seal', 'sha256', 'unpack', 'versions'];
const START = ['start'];
const BOTH = ['fail', 'own-path', 'rights'];

/** Compiles the program that carries the payload; the payload is appended to it. */
export function compileHakiri(outfile: string, linux: Linux = LINUX_X64): void {
  compile(linux, [...HAKIRI, ...BOTH], outfile, ['-static', ...zstdFolders(linux), '-lzstd', '-pthread']);
}

/** The compiler finds its own architecture's by itself. */
function zstdFolders({ debianArchitecture, triplet }: Linux): readonly string[] {
  if (debianArchitecture === 'amd64') return [];
  const root = debianRoot(debianArchitecture);
  return [`-I${join(root, 'usr/include')}`, `-L${join(root, 'usr/lib', triplet)}`];
}

/** Compiles the program that lies in the unpacked folder and starts what is beside it. */
export function compileStart(outfile: string, linux: Linux): void {
  compile(linux, [...START, ...BOTH], outfile, ['-static', `-DHAKIRI_LOADER="${linux.loader}"`]);
}

/** Compiles the library that is loaded into the runtime to give memory back. */
export function compileIdle(outfile: string, linux: Linux): void {
  compile(linux, ['idle'], outfile, ['-shared', '-fPIC']);
}

/** Compiles the module by which a daemon speaks to the service manager. */
export function compileNotify(outfile: string, linux: Linux): void {
  const headers = join(ROOT, 'node_modules/node-api-headers/include');
  compile(linux, ['notify'], outfile, ['-shared', '-fPIC', '-fvisibility=hidden', `-I${headers}`]);
}

function compile(
  { triplet }: Linux,
  modules: readonly string[],
  outfile: string,
  more: readonly string[],
): void {
  const sources = modules.map((name) => join('launcher', `${name}.c`));
  runTool(`${triplet}-gcc`, [...FLAGS, ...REPRODUCIBLE, '-o', outfile, ...sources, ...more], {
    cwd: RELEASE,
  });
}
