import { readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/**
 * `hakiri` as one file: `npm run build [-- --entry FILE] [--outfile FILE] [--inputs FILE] [--packed]`; `--inputs` is
 * written with the modules that went in, each after the bytes it takes. Native modules and Node's own stay outside.
 * `--packed` is for a release: one function as CommonJS knows it, whose code can be cached, with the native modules
 * beside the file.
 */

const root = join(import.meta.dirname, '..');
const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { entry: text, outfile: text, inputs: text, packed: { type: 'boolean', default: false } },
});
const entry = values.entry ?? join(root, 'packages/cli/src/entry/full.ts');
const outfile = values.outfile ?? join(root, 'dist', 'hakiri.mjs');

/** Loads Node's modules where they are used: as `import`s they would all be loaded at the start, whatever the command. */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path }) =>
      isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};

const EMBEDDABLE = /readFileSync\(\s*new URL\(\s*(['"])([^'"]+)\1\s*,\s*import\.meta\.url\s*\)\s*,?\s*\)/g;

/** In a `*.asset.ts` module, the file that `readFileSync(new URL('./file', import.meta.url))` reads becomes its bytes. */
const embeddedAssets: Plugin = {
  name: 'embedded-assets',
  setup({ onLoad }) {
    onLoad({ filter: /\.asset\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const files = [...source.matchAll(EMBEDDABLE)].map((match) => join(dirname(path), match[2] ?? ''));
      if (files.length === 0) throw new Error(`${relative(root, path)} reads no file that could be embedded`);
      const bytes = await Promise.all(files.map(async (file) => (await readFile(file)).toString('base64')));
      let next = 0;
      const contents = source.replace(EMBEDDABLE, () => `Buffer.from('${bytes[next++]}', 'base64')`);
      return { contents, loader: 'ts', watchFiles: files };
    });
  },
};

/** Where else a module asks for its own place, the bundle would look for a file that is not there. */
const knowsItsPlace: Plugin = {
  name: 'knows-its-place',
  setup({ onLoad }) {
    onLoad({ filter: /packages\/.*\.ts$/ }, async ({ path }) => {
      if (path.endsWith('.asset.ts') || path.endsWith('cli/src/self.ts')) return undefined;
      const source = await readFile(path, 'utf8');
      if (!/import\.meta\.(url|dirname|filename)/.test(source)) return undefined;
      return {
        errors: [{ text: `${relative(root, path)} reads a file: that belongs in a *.asset.ts module` }],
      };
    });
  },
};

/** What a packed bundle asks for instead of a package that looks for its native module on the disk. */
const PACKED_NATIVES: Readonly<Record<string, string>> = {
  '@duckdb/node-bindings': `module.exports = require('./duckdb.node');`,
  'node-gyp-build': `module.exports = () => require('./usearch.node');`,
};

const packedNatives: Plugin = {
  name: 'packed-natives',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@duckdb\/node-bindings|node-gyp-build)$/ }, ({ path }) => ({
      path,
      namespace: 'packed-native',
    }));
    onResolve({ filter: /\.node$/, namespace: 'packed-native' }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'packed-native' }, ({ path }) => ({
      contents: PACKED_NATIVES[path] ?? '',
    }));
    // It would look for its folder before it asks for the module.
    onLoad({ filter: /usearch\/javascript\/dist\/.*usearch\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: source.replace('getBuildDir(getDirName())', "''") };
    });
  },
};

/** A function cannot wait at its top level: it gives what is waited for to whoever called it. */
const packedEntry: Plugin = {
  name: 'packed-entry',
  setup({ onLoad }) {
    onLoad({ filter: /cli\/src\/entry\/(core|full)\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: source.replace('await start(', 'export const ended = start('), loader: 'ts' };
    });
  },
};

const shape: BuildOptions = values.packed
  ? {
      format: 'cjs',
      // A release lists the licences in a file of its own.
      legalComments: 'none',
      // The runtime shows the line where an uncaught error comes from.
      lineLimit: 200,
      external: ['onnxruntime-node'],
      plugins: [packedEntry, packedNatives, lazyBuiltins, knowsItsPlace, embeddedAssets],
      define: { 'import.meta.url': '__url' },
      banner: {
        js: "(function(exports,require,module,__filename,__dirname){const __url=require('node:url').pathToFileURL(__filename).href;",
      },
      footer: { js: '})' },
    }
  : {
      format: 'esm',
      legalComments: 'eof',
      external: ['@duckdb/node-bindings*', 'usearch', 'onnxruntime-node'],
      plugins: [lazyBuiltins, knowsItsPlace, embeddedAssets],
      banner: {
        js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
      },
    };

const result = await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  // One file; a module that is imported dynamically is evaluated when it is asked for.
  splitting: false,
  platform: 'node',
  target: 'node26',
  minify: true,
  sourcemap: false,
  ...shape,
  logLevel: 'warning',
  metafile: true,
});

for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  console.log(`${relative(root, join(process.cwd(), file))}  ${(bytes / 1024).toFixed(0)} KB`);
}
if (values.inputs !== undefined) {
  const inputs = Object.values(result.metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  await writeFile(
    values.inputs,
    inputs.map(([path, { bytesInOutput }]) => `${bytesInOutput} ${path}\n`).join(''),
  );
}
